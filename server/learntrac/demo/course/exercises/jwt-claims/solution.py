def refuse(claims, now, audience):
    expiry = claims.get("exp")
    if isinstance(expiry, bool) or not isinstance(expiry, int):
        return "no expiry"
    if expiry <= now:
        return "expired"
    if claims.get("nbf", now) > now:
        return "not yet"
    meant = claims.get("aud")
    if audience not in (meant if isinstance(meant, list) else [meant]):
        return "wrong audience"
    return None if claims.get("sub") else "no subject"
