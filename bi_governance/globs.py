"""Globs: how people write which names and folders they mean; case is ignored."""

from __future__ import annotations

import fnmatch
import re

PATH_WILDCARDS = {"/**": "(?:/.*)?", "**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
PATH_TOKEN = re.compile(r"/\*\*|\*\*/|\*\*|[*?/]|[^*?/]+")


def glob_fits(pattern: str, value: str) -> bool:
    """Only `*` and `?` are special: brackets are common in titles and mean themselves."""
    literal = pattern.casefold().replace("[", "[[]")
    return fnmatch.fnmatchcase(value.casefold(), literal)


def path_glob(pattern: str) -> re.Pattern[str]:
    """`*` stays inside one level of folders, `**` crosses levels, `A/**` also means `A` itself."""
    tokens = PATH_TOKEN.findall(pattern.strip("/"))
    expression = "".join(PATH_WILDCARDS.get(token) or re.escape(token) for token in tokens)
    return re.compile(expression, re.IGNORECASE | re.DOTALL)
