import unittest

from desk import Desk


class DeskTest(unittest.TestCase):
    def test_a_new_key_makes_a_loan(self):
        desk = Desk()
        self.assertEqual(desk.post("k1", {"tool": 17}), [201, {"loan": 1}])
        self.assertEqual(desk.count(), 1)

    def test_the_same_again_makes_no_second_one(self):
        desk = Desk()
        first = desk.post("k1", {"tool": 17, "days": 7})
        again = desk.post("k1", {"days": 7, "tool": 17})
        self.assertEqual(first, again)
        self.assertEqual(desk.count(), 1)

    def test_two_keys_are_two_loans(self):
        desk = Desk()
        desk.post("k1", {"tool": 17})
        self.assertEqual(desk.post("k2", {"tool": 17}), [201, {"loan": 2}])

    def test_another_body_is_a_conflict(self):
        desk = Desk()
        desk.post("k1", {"tool": 17})
        self.assertEqual(desk.post("k1", {"tool": 18}), [409, {"error": "key used for another request"}])
        self.assertEqual(desk.count(), 1)

    def test_without_a_key(self):
        desk = Desk()
        self.assertEqual(desk.post(None, {"tool": 17})[0], 400)
        self.assertEqual(desk.count(), 0)
