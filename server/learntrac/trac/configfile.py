"""The dialect of Trac's configuration files: Python's own parser, set up as Trac 1.6 sets it up."""

import configparser


class LineError(Exception):
    """A line that is no section, option, comment or continuation; `line` counts from 1."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(f"line {line}: {reason}")
        self.line = line


class _CaseSensitiveParser(configparser.RawConfigParser):
    def optionxform(self, optionstr: str) -> str:
        return optionstr


def parse_trac_ini(text: str) -> configparser.RawConfigParser:
    """trac.ini's text, options in lower case, `%` left alone.

    A section or option that is there twice is merged, the last value winning: Trac on Python 2 did so, and
    Trac on Python 3 does not start with such a file. Raises LineError.
    """
    return _parsed(configparser.RawConfigParser(strict=False), text)


def parse_authz_file(text: str) -> configparser.RawConfigParser:
    """The text of an authz file, options as they are written.

    A section or option that is there twice is a fault, as in Trac 1.6. Raises LineError.
    """
    return _parsed(_CaseSensitiveParser(strict=True), text)


def _parsed(parser: configparser.RawConfigParser, text: str) -> configparser.RawConfigParser:
    try:
        parser.read_string(text)
    except configparser.MissingSectionHeaderError as error:
        raise LineError(error.lineno, "no section begins before this line.") from error
    except configparser.ParsingError as error:
        raise LineError(error.errors[0][0], "neither a section, an option nor a comment.") from error
    except (configparser.DuplicateSectionError, configparser.DuplicateOptionError) as error:
        raise LineError(error.lineno or 0, "this section or option is there twice.") from error
    return parser
