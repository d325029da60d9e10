"""Certificates: given for mastery that this server has graded itself, shown to whoever has the address, taken back."""

import io
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pypdf
import pytest
from sqlalchemy import text

from learntrac.certificates.document import Printed, as_pdf
from tests.certificates.certifying import HOME, certify
from tests.conftest import Api, Person, TracCopy, serving
from tests.mastery.answering import answer_as

CODE = "abcdefghijklmnopqrstuvwxyz"


@pytest.fixture
async def home(trac_copy: TracCopy) -> AsyncIterator[Api]:
    """An installation that has an address, on each database in turn."""
    async with serving(trac_copy, public_url=HOME) as running:
        yield running


async def complete(learner: Person, concept: int = 1, **more: Any) -> tuple[str, str | None]:
    """Begin and complete a concept: the session, and the address of the certificate."""
    begun = await learner.post(f"/concepts/{concept}/start", {})
    body = {"session_id": begun["session_id"], "completion_type": "mastered", **more}
    return begun["session_id"], (await learner.post(f"/concepts/{concept}/complete", body))["certificate_url"]


async def have_certificate(api: Api, name: str = "alice") -> tuple[Person, str]:
    """Somebody has mastered the first concept; their certificate's address."""
    learner = await api.sign_in(name)
    await answer_as(api, name, 1, 1, 1)
    _, url = await complete(learner)
    assert url is not None
    return learner, url


async def get(api: Api, path: str, token: str | None = None) -> httpx.Response:
    return await api.client.get(path, headers={"Authorization": f"Bearer {token}"} if token else {})


def words(pdf: bytes) -> str:
    """The text of a PDF, which is one page and holds nothing that runs."""
    read = pypdf.PdfReader(io.BytesIO(pdf))
    assert len(read.pages) == 1
    assert not {"/OpenAction", "/AA", "/AcroForm"} & set(read.root_object)
    assert b"/JavaScript" not in pdf
    return " ".join(read.pages[0].extract_text().split())


class TestGiving:
    async def test_the_address_is_the_specifications(self, home: Api) -> None:
        alice = await home.sign_in("alice")
        await answer_as(home, "alice", 1, 1, 1)
        session_id, url = await complete(alice)

        assert url is not None
        path, _, token = url.partition("?token=")
        assert path == f"/certificates/1-{session_id[:8]}.pdf"
        assert len(token) == 26, "128 bits"

    async def test_it_is_given_once(self, home: Api) -> None:
        alice, url = await have_certificate(home)

        assert (await complete(alice))[1] == url
        assert (await alice.post("/certificates", {"concept_id": 1}))["certificate_url"] == HOME + url
        assert (await alice.get("/certificates"))["total"] == 1

    async def test_what_a_client_claims_earns_none(self, home: Api) -> None:
        alice = await home.sign_in("alice")
        claims: dict[str, Any] = {
            "quiz_score": 1.0,
            "time_spent": 99999,
            "exercises_completed": ["ex-1"],
            "status": "mastered",
        }

        assert (await complete(alice, **claims))[1] is None
        assert (await alice.post("/certificates", {"concept_id": 1})).error == (409, "CONFLICT")
        assert (await alice.get("/certificates"))["total"] == 0

    async def test_nor_do_claims_that_an_installation_lets_count(self, trac_copy: TracCopy) -> None:
        async with serving(trac_copy, reported_quiz_weight=1) as api:
            alice = await api.sign_in("alice")
            urls = [(await complete(alice, quiz_score=1.0))[1] for _ in range(3)]

            assert (await alice.get("/concepts/1"))["status"] == "mastered"
            assert urls == [None, None, None]

    async def test_a_badge_for_an_achievement(self, home: Api) -> None:
        alice, _ = await have_certificate(home)
        badge = await alice.post("/certificates", {"achievement_id": "first_mastery"})

        assert badge.status == 201
        assert (badge["kind"], badge["title"], badge["achievement_id"]) == (
            "achievement",
            "First Mastery",
            "first_mastery",
        )
        pdf = (await get(home, badge["certificate_url"].removeprefix(HOME))).content
        assert "Badge of Achievement" in words(pdf)
        for achievement in ("deep_diver", "no_such"):
            assert (await alice.post("/certificates", {"achievement_id": achievement})).error == (409, "CONFLICT")

    @pytest.mark.parametrize(
        "body",
        [{}, {"concept_id": 1, "achievement_id": "x"}, {"concept_id": 0}, {"concept_id": 2**31}, {"concept_id": "1"}],
    )
    async def test_what_is_refused(self, home: Api, body: dict[str, Any]) -> None:
        alice = await home.sign_in("alice")

        assert (await alice.post("/certificates", body)).error == (400, "VALIDATION_ERROR")


class TestDocument:
    async def test_it_says_who_what_and_when(self, home: Api) -> None:
        _, url = await have_certificate(home)
        answer = await get(home, url)

        assert answer.headers["content-type"] == "application/pdf"
        said = words(answer.content)
        for part in ("Certificate of Mastery", "Alice", "has mastered", "HTTP messages", "T E S T", "0.82 of 1"):
            assert part in said, said
        assert f"{HOME}/certificates/" in said

    async def test_only_with_its_token_or_for_its_holder(self, home: Api) -> None:
        alice, url = await have_certificate(home)
        path, _, token = url.partition("?token=")
        bob = await home.sign_in("bob")

        assert (await get(home, path, alice.token)).status_code == 200
        for address, who in (
            (path, None),
            (path, bob.token),
            (f"{path}?token={token[:-1]}", alice.token),
            (f"{path}?token={'a' * 26}", None),
            (f"/certificates/2-00000000.pdf?token={token}", None),
            ("/certificates/nonsense.pdf", alice.token),
            ("/certificates/1-00000000.pdf", alice.token),
        ):
            assert (await get(home, address, who)).status_code == 404, address

    async def test_names_in_any_letters(self, home: Api) -> None:
        await certify(home, "alice", CODE)
        async with home.parts.database.begin() as session:
            name = "#set page(fill: red) \\ $x$ <b> 陈伟 " + "long " * 40
            await session.execute(text("UPDATE certificate SET full_name = :name, title = :name"), {"name": name})

        answer = await get(home, f"/certificates/1-0123abcd.pdf?token={CODE}")
        assert "#set page(fill: red)" in words(answer.content)


@pytest.mark.parametrize("issuer", ["LearnTrac", "A School With Quite A Long Name In The Heading, " * 2])
@pytest.mark.parametrize("name", ["Maria Antonia Josefa von Habsburg zu Lothringen", "x" * 255])
@pytest.mark.parametrize("title", ["A title that is long and still longer, for several lines. " * 3, "Y" * 500])
def test_it_is_one_page_whatever_people_and_concepts_are_called(issuer: str, name: str, title: str) -> None:
    facts = (("Mastery score", "0.83 of 1"), ("Threshold", "0.80"), ("Graded answers", "12"))
    verify = f"{HOME}/certificates/{CODE}"
    at = datetime(2026, 11, 3, tzinfo=UTC)
    made = as_pdf(Printed("Certificate of Mastery", issuer, "To", name, "has mastered", title, facts, at, verify))

    said = words(made).replace("\u200b", "")
    assert verify in said
    assert max(map(len, said.split())) < 200, "a long word breaks"


class TestPage:
    async def test_it_says_that_a_certificate_is_valid(self, home: Api) -> None:
        await certify(home, "alice", CODE)
        answer = await get(home, f"/certificates/{CODE}")

        assert answer.status_code == 200
        assert "style-src 'sha256-" in answer.headers["content-security-policy"]
        assert answer.headers["x-robots-tag"] == "noindex"
        for part in ('lang="en"', "Valid. Certificate of Mastery", "HTTP messages", "<dd>Alice</dd>", "0.90 of 1"):
            assert part in answer.text

    async def test_its_holder_may_go_unnamed(self, home: Api) -> None:
        await certify(home, "alice", CODE)
        alice = await home.sign_in("alice")
        changed = await alice.send("PUT", "/certificates/certificate-1", json={"show_name": False})

        assert changed["show_name"] is False
        assert "Alice" not in (await get(home, f"/certificates/{CODE}")).text
        assert "Alice" not in (await get(home, f"/certificates/{CODE}.json")).text
        bob = await home.sign_in("bob")
        refused = await bob.send("PUT", "/certificates/certificate-1", json={"show_name": True})
        assert refused.error == (404, "NOT_FOUND")

    async def test_what_somebody_wrote_is_no_markup(self, home: Api) -> None:
        await certify(home, "alice", CODE)
        async with home.parts.database.begin() as session:
            await session.execute(text("UPDATE certificate SET title = '<script>1</script>', full_name = '\"><b>'"))

        page = (await get(home, f"/certificates/{CODE}")).text
        assert "<script>" not in page
        assert "<b>" not in page
        assert "&lt;script&gt;" in page

    @pytest.mark.parametrize("code", ["a" * 26, "A" * 26, "short", "x" * 500, "%00", "certificate-1"])
    async def test_of_none_it_says_so(self, home: Api, code: str) -> None:
        answer = await get(home, f"/certificates/{code}")

        assert answer.status_code == 404
        assert "There is no certificate at this address" in answer.text

    async def test_without_a_setting_its_address_is_where_it_was_asked(self, api: Api) -> None:
        _, url = await have_certificate(api)

        assert "http://learn.test/certificates/" in words((await get(api, url)).content)
        page = await get(api, f"/certificates/{url.partition('=')[2]}")
        assert page.status_code == 200
        assert (await get(api, f"/certificates/{url.partition('=')[2]}.json")).status_code == 503, (
            "that would be signed"
        )


class TestRevoking:
    async def test_page_document_list_and_completion_say_so(self, home: Api) -> None:
        alice, url = await have_certificate(home)
        assert "Revoked" not in words((await get(home, url)).content)
        code = url.partition("=")[2]
        ivan = await home.sign_in("ivan")
        revoked = await ivan.post("/certificates/certificate-1/revoke", {"reason": "The answers were copied"})

        assert (revoked.status, revoked["revoked"], revoked["reason"]) == (200, True, "The answers were copied")
        page = (await get(home, f"/certificates/{code}")).text
        assert "Revoked" in page
        assert "The answers were copied" in page
        assert "Valid" not in page
        assert "Revoked on" in words((await get(home, url)).content)
        [shown] = (await alice.get("/certificates"))["certificates"]
        assert (shown["revoked"], shown["reason"]) == (True, "The answers were copied")
        assert (await complete(alice))[1] is None
        again = await ivan.post("/certificates/certificate-1/revoke", {"reason": "Twice"})
        assert again.error == (409, "CONFLICT")
        admin = await home.sign_in("admin")
        [entry] = (await admin.get("/audit", action="certificate.revoke"))["entries"]
        assert (entry["actor"], entry["subject"]) == ("ivan", "alice")

    async def test_for_instructors_and_of_what_there_is(self, home: Api) -> None:
        alice, _ = await have_certificate(home)
        ivan = await home.sign_in("ivan")

        forbidden = await alice.post("/certificates/certificate-1/revoke", {"reason": "Mine"})
        assert forbidden.error == (403, "AUTHORIZATION_ERROR")
        for name in ("certificate-9", "1", "certificate-0"):
            answer = await ivan.post(f"/certificates/{name}/revoke", {"reason": "None"})
            assert answer.error == (404, "NOT_FOUND")

    async def test_an_instructor_lists_a_learners(self, home: Api) -> None:
        await have_certificate(home)
        ivan, bob = await home.sign_in("ivan"), await home.sign_in("bob")

        assert (await ivan.get("/certificates", user_id="alice"))["total"] == 1
        assert (await bob.get("/certificates", user_id="alice")).error == (403, "AUTHORIZATION_ERROR")
