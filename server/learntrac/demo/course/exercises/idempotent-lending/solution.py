import copy


class Desk:
    def __init__(self):
        self.loans = 0
        self.kept = {}

    def post(self, key, body):
        if key is None:
            return [400, {"error": "key missing"}]
        if key in self.kept:
            known, reply = self.kept[key]
            return copy.deepcopy(reply) if known == body else [409, {"error": "key used for another request"}]
        self.loans += 1
        reply = [201, {"loan": self.loans}]
        self.kept[key] = (copy.deepcopy(body), copy.deepcopy(reply))
        return reply

    def count(self):
        return self.loans
