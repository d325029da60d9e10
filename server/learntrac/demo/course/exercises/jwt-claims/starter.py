def refuse(claims, now, audience):
    if claims["exp"] < now:
        return "expired"
    return None
