"""Webhooks: other systems are told of what happens here, signed, and a learning record store as xAPI statements.

Owns the tables `webhook`, `webhook_subscription`, `webhook_event`, `webhook_delivery` and `webhook_attempt`. Announces
`webhook.test` when an owner asks for it; every other event is announced by the feature that it happens in, with
`outbox.announce` in the transaction of its cause.
"""
