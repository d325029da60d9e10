"""A person in front of Trac's own pages: signs in, opens a ticket, and submits its form."""

import re

import httpx

_HIDDEN = re.compile(r'<input type="hidden" name="(__FORM_TOKEN|start_time|view_time)"\s+value="([^"]*)"')


class TracPages:
    """Trac in a browser, with whatever cookies it gives; `address` is where it is served."""

    def __init__(self, address: str, name: str, password: str) -> None:
        self._address = address.rstrip("/")
        self._http = httpx.Client(timeout=30, follow_redirects=True)
        self._sign_in = httpx.BasicAuth(name, password)

    def __enter__(self) -> "TracPages":
        answer = self._http.get(f"{self._address}/login", auth=self._sign_in)
        assert answer.status_code == 200, answer.text
        return self

    def __exit__(self, *_why: object) -> None:
        self._http.close()

    def get(self, path: str) -> httpx.Response:
        """A page."""
        return self._http.get(self._address + path)

    def edit_ticket(self, number: int, *, summary: str, comment: str = "") -> None:
        """Open the ticket's page and submit its form with another summary."""
        form = dict(_HIDDEN.findall(self.get(f"/ticket/{number}").text))
        form |= {"field_summary": summary, "comment": comment, "action": "leave", "submit": "Submit changes"}
        answer = self._http.post(f"{self._address}/ticket/{number}", data=form)
        # Trac leads on to the ticket where it has saved it, and shows a preview where it has not.
        assert (answer.status_code, bool(answer.history), summary in answer.text) == (200, True, True), answer.text
