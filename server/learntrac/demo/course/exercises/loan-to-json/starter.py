def represent(loan):
    return dict(loan)
