import unittest

from desk import Desk


class HiddenDeskTest(unittest.TestCase):
    def test_desks_do_not_share(self):
        one, other = Desk(), Desk()
        one.post("k1", {"tool": 17})
        self.assertEqual(other.count(), 0)
        self.assertEqual(other.post("k1", {"tool": 18}), [201, {"loan": 1}])

    def test_a_conflict_is_forgotten_and_the_first_reply_stays(self):
        desk = Desk()
        desk.post("k1", {"tool": 17})
        desk.post("k1", {"tool": 18})
        self.assertEqual(desk.post("k1", {"tool": 17}), [201, {"loan": 1}])
