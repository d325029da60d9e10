def get_loan(loans, caller, loan_id):
    for loan in loans:
        if loan["id"] == loan_id and (loan["member"] == caller["name"] or "steward" in caller["roles"]):
            return [200, loan]
    return [404, None]
