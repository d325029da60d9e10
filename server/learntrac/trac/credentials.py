"""Who may sign in: the password files and the session store of a Trac installation, read and never written.

Two programs read these stores, and differ. Of two lines for one user, Trac's own server (tracd) takes the
last and the AccountManager plugin the first; and where `[trac] ignore_auth_case` is on, the plugin lowers the
name that was typed before it looks, Trac's server only after. Each store here does as its program does. The
plugin asks its stores in order, and one that knows the user but not the password does not end the search: any
store that accepts is enough.
"""

import configparser
import hmac
import io
import itertools
import os
import secrets
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from learntrac.trac import hashes

ReadOption = Callable[[str, str, str], str]
"""Reads trac.ini: section, option in lower case, what to give when it is not set."""

Verify = Callable[[str, str, str], bool]
"""Whether a password matches: user name, what is stored for that user, password."""

_SECTION = "account-manager"


class CredentialsUnavailable(Exception):
    """A password file is missing or cannot be read, so nobody can say whether a password is right."""


def parse_htpasswd(text: str, *, first_wins: bool = False) -> dict[str, str]:
    """Hashes by user name, from the text of an htpasswd file.

    A line is `user:hash`. Dropped are further fields, what follows a `#`, and lines without a name or a hash
    field. Of two lines for one user the last counts, or with `first_wins` the first.
    """
    rows = ((fields[0], fields[1]) for fields in _fields(text) if fields[1:])
    return _collect(rows, first_wins=first_wins)


def parse_htdigest(text: str, realm: str, *, first_wins: bool = False) -> dict[str, str]:
    """As `parse_htpasswd`, from lines `user:realm:digest`, of which only those of this realm count."""
    rows = ((fields[0], fields[2]) for fields in _fields(text) if fields[2:] and fields[1] == realm)
    return _collect(rows, first_wins=first_wins)


def parse_svnserve(text: str) -> dict[str, str]:
    """Passwords in plain text by user name, from the section `[users]`. Raises `configparser.Error`."""
    parser = _CaseKept(interpolation=None)
    parser.read_string(text)
    return dict(parser["users"]) if parser.has_section("users") else {}


class _CaseKept(configparser.ConfigParser):
    def optionxform(self, optionstr: str) -> str:
        return optionstr


def _fields(text: str) -> Iterator[list[str]]:
    # str.splitlines would also break a line where a file does not, as at U+2028.
    for line in io.StringIO(text, newline=None):
        yield line.partition("#")[0].strip().split(":")


def _collect(rows: Iterable[tuple[str, str]], *, first_wins: bool) -> dict[str, str]:
    entries: dict[str, str] = {}
    for name, stored in rows:
        if name and not (first_wins and name in entries):
            entries[name] = stored
    return entries


class PasswordFile:
    """A password file that is read again when its time or size changes, or another file takes its place."""

    def __init__(self, path: Path, parse: Callable[[str], dict[str, str]]) -> None:
        """`parse` makes what is stored by user name of the file's text."""
        self.path = path
        self._parse = parse
        # One attribute for both, so that no thread pairs the entries of one file with another's signature.
        self._read: tuple[tuple[int, int, int], Mapping[str, str]] | None = None

    def entries(self) -> Mapping[str, str]:
        """What is stored, by user name, as the file has it now. Raises CredentialsUnavailable."""
        try:
            signature = _signature(self.path)
            if self._read is None or self._read[0] != signature:
                self._read = (signature, self._parse(_decode(self.path.read_bytes())))
            return self._read[1]
        except OSError as error:
            reason = f"cannot read password file {self.path}: {error.strerror}"
            raise CredentialsUnavailable(reason) from error
        except configparser.Error:
            # The parser's own message quotes the line, and with it a password: so it is not passed on.
            raise CredentialsUnavailable(f"cannot make out password file {self.path}") from None


def _signature(path: Path) -> tuple[int, int, int]:
    status = path.stat()
    return status.st_mtime_ns, status.st_size, status.st_ino


def _decode(raw: bytes) -> str:
    """The lines that are UTF-8: one name in another encoding must not keep all others out."""
    lines = (line.decode(errors="replace") for line in raw.splitlines())
    return "\n".join(line for line in lines if "\N{REPLACEMENT CHARACTER}" not in line)


@dataclass(frozen=True, eq=False)
class FileStore:
    """A password file, and how its entries are checked; `lowers_names`: it lowers a name before it looks."""

    file: PasswordFile
    verify: Verify
    lowers_names: bool = False


@dataclass(frozen=True, eq=False)
class SessionStore:
    """AccountManager's store in the database: the caller reads the attribute `password`, this checks it."""

    verify: Verify


Store = FileStore | SessionStore


@dataclass(frozen=True)
class ConfiguredStores:
    """What trac.ini says of sign-in; `problems` say which stores it names are not used, and why."""

    stores: tuple[Store, ...]
    problems: tuple[str, ...]
    ignore_case: bool


def stores_from_files(
    htpasswd_file: Path | None, htdigest_file: Path | None, htdigest_realm: str
) -> tuple[FileStore, ...]:
    """The stores of a Trac without AccountManager, whose server is told the files on its command line."""
    stores = []
    if htpasswd_file is not None:
        stores.append(FileStore(PasswordFile(htpasswd_file, parse_htpasswd), _verify_htpasswd))
    if htdigest_file is not None:
        digests = PasswordFile(htdigest_file, partial(parse_htdigest, realm=htdigest_realm))
        stores.append(FileStore(digests, partial(_verify_htdigest, htdigest_realm)))
    return tuple(stores)


def stores_from_ini(get: ReadOption, environment: Path) -> ConfiguredStores:
    """The stores that AccountManager uses in the environment at this path, in order; none where it uses none.

    Read are the options of AccountManager 0.6 and, where those are not set, the older `password_format` and
    `password_file`. A component that `[components]` does not mention counts as enabled: where the plugin lies
    in the environment it need not be mentioned.
    """
    built = [_build_store(name, get, environment) for name in _store_names(get)]
    return ConfiguredStores(
        stores=tuple(store for store in built if not isinstance(store, str)),
        problems=tuple(problem for problem in built if isinstance(problem, str)),
        ignore_case=_is_true(get("trac", "ignore_auth_case", "")),
    )


def _store_names(get: ReadOption) -> list[str]:
    if not _is_enabled(get, "acct_mgr.api.accountmanager"):
        return []
    format_name = get(_SECTION, "password_format", "")
    value = get(_SECTION, "password_store", "") or _FORMATS.get(format_name, format_name)
    names = (name.strip() for name in value.split(","))
    return list(dict.fromkeys(name for name in names if name))


def _build_store(name: str, get: ReadOption, environment: Path) -> Store | str:
    """The store, or why there is none."""
    if name not in _BUILDERS:
        return f"password store {name} is not supported: an account that is only there cannot sign in"
    module, build = _BUILDERS[name]
    if not _is_enabled(get, f"acct_mgr.{module}.{name.lower()}"):
        return f"password store {name} is disabled in [components]"
    return build(get, environment)


def _htpasswd_store(get: ReadOption, environment: Path) -> Store | str:
    parse = partial(parse_htpasswd, first_wins=True)
    return _file_store(get, environment, "htpasswd_file", parse, _verify_htpasswd)


def _htdigest_store(get: ReadOption, environment: Path) -> Store | str:
    realm = get(_SECTION, "htdigest_realm", "")
    parse = partial(parse_htdigest, realm=realm, first_wins=True)
    return _file_store(get, environment, "htdigest_file", parse, partial(_verify_htdigest, realm))


def _svnserve_store(get: ReadOption, environment: Path) -> Store | str:
    return _file_store(get, environment, "password_file", parse_svnserve, _verify_plain)


def _file_store(
    get: ReadOption, environment: Path, option: str, parse: Callable[[str], dict[str, str]], verify: Verify
) -> Store | str:
    value = get(_SECTION, option, "") or get(_SECTION, "password_file", "")
    if not value:
        return f"a password store has no file: [{_SECTION}] {option} is not set"
    path = Path(os.path.normpath(environment / value))
    return FileStore(PasswordFile(path, parse), verify, lowers_names=True)


def _session_store(get: ReadOption, _environment: Path) -> Store | str:
    method = get(_SECTION, "hash_method", "") or "HtDigestHashMethod"
    if not _is_enabled(get, f"acct_mgr.pwhash.{method.lower()}"):
        return f"password store SessionStore has no hash method: {method} is disabled in [components]"
    if method == "HtDigestHashMethod":
        return SessionStore(partial(_verify_session_digest, get(_SECTION, "db_htdigest_realm", "")))
    if method == "HtPasswdHashMethod":
        return SessionStore(_verify_htpasswd)
    return f"password store SessionStore has no hash method: {method} is not supported"


_FORMATS = {"htpasswd": "HtPasswdStore", "htdigest": "HtDigestStore"}
_BUILDERS: Mapping[str, tuple[str, Callable[[ReadOption, Path], Store | str]]] = {
    "HtPasswdStore": ("htfile", _htpasswd_store),
    "HtDigestStore": ("htfile", _htdigest_store),
    "SessionStore": ("db", _session_store),
    "SvnServePasswordStore": ("svnserve", _svnserve_store),
}


def _is_enabled(get: ReadOption, component: str) -> bool:
    """As Trac decides: the rule that covers most of the component's dotted name counts."""
    name = component
    while name:
        rule = get("components", name, "") or get("components", f"{name}.*", "")
        if rule:
            return _is_true(rule)
        name = name.rpartition(".")[0]
    return True


def _is_true(value: str) -> bool:
    try:
        return bool(float(value))
    except ValueError:
        return value.strip().lower() in ("yes", "true", "enabled", "on")


def _verify_htpasswd(_username: str, stored: str, password: str) -> bool:
    return hashes.verify(stored, password)


def _verify_plain(_username: str, stored: str, password: str) -> bool:
    return hashes.verify_plain(stored, password)


def _verify_htdigest(realm: str, username: str, stored: str, password: str) -> bool:
    return hashes.verify_digest(stored, username, realm, password)


def _verify_session_digest(realm: str, username: str, stored: str, password: str) -> bool:
    """The session store keeps `realm:digest`, with the colon also where the realm is empty."""
    realm_agrees = stored.startswith(f"{realm}:")
    return hashes.verify_digest(stored.removeprefix(f"{realm}:"), username, realm, password) and realm_agrees


_Attempt = tuple[Verify, str, str]
_Entries = Mapping[FileStore, Mapping[str, str]]


class Credentials:
    """Checks passwords against the stores, and gives nothing away by the time that takes.

    For a user whom no store knows, the password is checked against what is stored for another, and the
    result dropped. The name alone decides which other, so that a name costs the same each time, as a real
    user's does. Processes that share the work must share `decoy_key` too: else an unknown name would cost
    more in one than in another, which a known one never does.
    """

    def __init__(self, stores: Sequence[Store], *, ignore_case: bool = False, decoy_key: bytes | None = None) -> None:
        self._files = [store for store in stores if isinstance(store, FileStore)]
        self._sessions = [store for store in stores if isinstance(store, SessionStore)]
        self._ignore_case = ignore_case
        self._decoy_key = decoy_key or secrets.token_bytes(32)

    @property
    def uses_sessions(self) -> bool:
        """Whether the caller has session hashes to read."""
        return bool(self._sessions)

    def account_name(self, username: str) -> str:
        """The name Trac knows this user by: the user's id, and the `sid` of the session hash."""
        return username.lower() if self._ignore_case else username

    def check(
        self, username: str, password: str, session_hash: str | None, sample_session_hash: str | None = None
    ) -> bool:
        """Whether any store accepts the password. Blocks while it hashes: call it in a thread.

        `session_hash` is the session attribute `password` of `account_name(username)`, None where there is
        none; `sample_session_hash` that of any user, the same for the same name, to spend time on for unknown
        users.
        Raises CredentialsUnavailable where no store accepts and a file could not be read.
        """
        entries, failure = self._read_files()
        own = self._attempts(username, session_hash, entries)
        # Sought for known users too, so that seeking takes no time of its own.
        decoys = self._decoys(username, sample_session_hash, entries)
        if not own and not decoys:
            hashes.verify_nothing(password)
        verdicts = [verify(name, stored, password) for verify, name, stored in own or decoys]
        return _settle(found=bool(own) and any(verdicts), failure=failure)

    def exists(self, username: str, session_hash: str | None) -> bool:
        """Whether any store has the user.

        Raises CredentialsUnavailable where none has and a file could not be read.
        """
        entries, failure = self._read_files()
        name = self.account_name(username)
        in_session = session_hash is not None and self.uses_sessions
        in_file = any(name in self._account_names(store, held) for store, held in entries.items())
        return _settle(found=in_session or in_file, failure=failure)

    def usernames(self) -> set[str]:
        """The account names in the files; those in the session store are the caller's to read.

        Raises CredentialsUnavailable where a file could not be read.
        """
        entries, failure = self._read_files()
        if failure is not None:
            raise failure
        return {name for store, held in entries.items() for name in self._account_names(store, held)}

    def _read_files(self) -> tuple[_Entries, CredentialsUnavailable | None]:
        """The entries of the files that can be read, and why another cannot."""
        entries, failure = {}, None
        for store in self._files:
            try:
                entries[store] = store.file.entries()
            except CredentialsUnavailable as error:
                failure = error
        return entries, failure

    def _account_names(self, store: FileStore, held: Mapping[str, str]) -> Collection[str]:
        if not self._ignore_case:
            return held.keys()
        if store.lowers_names:
            return {name for name in held if name == name.lower()}
        return {name.lower() for name in held}

    def _attempts(self, username: str, session_hash: str | None, entries: _Entries) -> list[_Attempt]:
        """Every entry that this user has."""
        account = self.account_name(username)
        attempts: list[_Attempt] = []
        for store, held in entries.items():
            name = account if store.lowers_names else username
            if name in held:
                attempts.append((store.verify, name, held[name]))
        if session_hash is not None:
            attempts += [(store.verify, account, session_hash) for store in self._sessions]
        return attempts

    def _decoys(self, username: str, sample: str | None, entries: _Entries) -> list[_Attempt]:
        """Every entry of another user, whom the name picks; with a sample, half of the names pick that."""
        digest = hmac.digest(self._decoy_key, username.encode(errors="surrogatepass"), "sha256")
        # The last bit chooses between sample and files, the others the place in the files.
        place, to_sample = divmod(int.from_bytes(digest, "big"), 2)
        total = sum(len(held) for held in entries.values())
        if sample is not None and self._sessions and (to_sample or not total):
            return [(store.verify, username, sample) for store in self._sessions]
        names = itertools.chain.from_iterable(entries.values())
        other = next(itertools.islice(names, place % max(total, 1), None), "")
        return [(store.verify, other, held[other]) for store, held in entries.items() if other in held]


def _settle(*, found: bool, failure: CredentialsUnavailable | None) -> bool:
    """`found`, unless it is a no that an unreadable file might have made a yes: then raises that failure."""
    if not found and failure is not None:
        raise failure
    return found
