def get_loan(loans, caller, loan_id):
    loan = next((loan for loan in loans if loan["id"] == loan_id), None)
    if loan is None:
        return [404, None]
    if loan["member"] != caller["name"]:
        return [403, None]
    return [200, loan]
