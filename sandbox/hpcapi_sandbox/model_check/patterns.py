"""Matches values against the models' patterns, which are regular expressions of Java.

What Python writes otherwise is translated: Unicode classes, surrogate pairs, POSIX classes,
possessive repeats, a dash after a class. What remains is not checked.
"""

from __future__ import annotations

import re
import unicodedata
import warnings
from functools import cache

# POSIX classes and Java's own names, as the inside of a character class.
_NAMED = {
    "ASCII": r"\x00-\x7F",
    "Alnum": "0-9A-Za-z",
    "Alpha": "A-Za-z",
    "Blank": r" \t",
    "Cntrl": r"\x00-\x1F\x7F",
    "Digit": "0-9",
    "Graph": "!-~",
    "Lower": "a-z",
    "Print": " -~",
    "Punct": r"!-/:-@\[-`{-~",
    "Space": r" \t\n\x0B\f\r",
    "Upper": "A-Z",
    "XDigit": "0-9A-Fa-f",
    "IsWhitespace": r"\t-\r\x1C-\x1F \x85\xA0\u1680\u2000-\u200A\u2028\u2029\u202F\u205F\u3000",
}
# Java's names for unions of general categories.
_UNIONS = {"IsAlphabetic": ("L", "Nl"), "IsDigit": ("Nd",), "LD": ("L", "Nd")}

_ALL_ASTRAL = (r"\uD800\uDC00-\uDBFF\uDFFF", r"\U00010000-\U0010FFFF")


def matches(pattern: str, value: str) -> bool:
    """Whether a value satisfies a pattern; True for a pattern that cannot be checked."""
    compiled = _compiled(pattern)
    if compiled is None:
        return True
    # AWS matches whole values. A pattern with an anchor says itself where it is bound.
    if pattern.startswith("^") or pattern.endswith("$"):
        return compiled.search(value) is not None
    return compiled.fullmatch(value) is not None


def checkable(pattern: str) -> bool:
    return _compiled(pattern) is not None


@cache
def _compiled(pattern: str) -> re.Pattern[str] | None:
    try:
        with warnings.catch_warnings():
            # A warning means that Python is about to read it in another way than Java.
            warnings.simplefilter("error")
            return re.compile(_Translation(pattern).text, re.ASCII)
    except (re.error, ValueError, OverflowError, Warning):
        return None


class _Translation:
    def __init__(self, pattern: str):
        self.rest = pattern.replace(*_ALL_ASTRAL)
        self.at = 0
        self.text = ""
        self.in_class = False
        while self.at < len(self.rest):
            self.text += self.next()

    def next(self) -> str:
        char = self.take(1)
        if char == "\\":
            return self.escape()
        if self.in_class:
            return self.inside(char)
        if char == "[":
            self.in_class = True
            # "[]" and "[^]" take the bracket for a character, as Python does.
            opening = "[" + ("^" if self.skip("^") else "")
            return opening + ("\\]" if self.skip("]") else "")
        if char in "*+?}":
            # A possessive repeat matches no more than a greedy one.
            self.skip("+")
        return char

    def inside(self, char: str) -> str:
        if char == "]":
            self.in_class = False
        elif char == "[" or (char == "&" and self.peek() == "&"):
            raise ValueError("Java's unions and intersections of classes")
        elif char in "&~|":
            return "\\" + char
        elif char == "-" and self.peek() == "-":
            raise ValueError("a range that begins or ends with a dash")
        return char

    def escape(self) -> str:
        char = self.take(1)
        if char in "pP":
            return self.property(negated=char == "P")
        if char == "z":
            return r"\Z"
        if char == "x" and self.skip("{"):
            code, _, self.rest = self.rest[self.at :].partition("}")
            self.at = 0
            return re.escape(chr(int(code, 16)))
        if self.in_class and char in "dswDSW" and self.peek() == "-":
            # After a class a dash is a dash.
            self.take(1)
            return f"\\{char}\\-"
        return "\\" + char

    def property(self, negated: bool) -> str:
        if self.skip("{"):
            name, _, self.rest = self.rest[self.at :].partition("}")
            self.at = 0
        else:
            name = self.take(1)
        if not self.in_class:
            return f"[{'^' if negated else ''}{_characters(name, False)}]"
        characters = _characters(name, negated)
        if self.peek() == "-" and self.rest[self.at + 1 : self.at + 2] != "]":
            self.take(1)
            characters += "\\-"
        return characters

    def take(self, count: int) -> str:
        taken = self.rest[self.at : self.at + count]
        self.at += count
        return taken

    def peek(self) -> str:
        return self.rest[self.at : self.at + 1]

    def skip(self, char: str) -> bool:
        if self.peek() != char:
            return False
        self.at += 1
        return True


@cache
def _characters(name: str, negated: bool) -> str:
    """The characters of a class, as the inside of [...]."""
    if name in _NAMED:
        if negated:
            raise ValueError(f"no complement of {name} is kept")
        return _NAMED[name]
    wanted = _UNIONS.get(name, (name.removeprefix("Is"),))
    known = [code for code in _ranges() if code.startswith(tuple(wanted))]
    if not known:
        raise ValueError(f"unknown class {name}")
    chosen = [code for code in _ranges() if (code in known) != negated]
    return "".join(
        f"\\U{first:08X}-\\U{last:08X}" for code in chosen for first, last in _ranges()[code]
    )


@cache
def _ranges() -> dict[str, list[tuple[int, int]]]:
    """All of Unicode by general category."""
    ranges: dict[str, list[tuple[int, int]]] = {}
    first, category = 0, unicodedata.category("\0")
    for code in range(1, 0x110000):
        here = unicodedata.category(chr(code))
        if here != category:
            ranges.setdefault(category, []).append((first, code - 1))
            first, category = code, here
    ranges.setdefault(category, []).append((first, 0x10FFFF))
    return ranges
