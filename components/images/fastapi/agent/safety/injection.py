"""Signs of injection: phrases and forms that attacks have and honest tasks rarely do.

They are few on purpose: who asks about SQL, HTML or shells is not attacking, so a keyword alone is no sign.
"""

from __future__ import annotations

import re

from agent.safety.verdict import Span, apart

_WHICH = "all|any|every|previous|prior|above|preceding|earlier|foregoing|initial|original|your|system|safety"
_EARLIER = "previous|prior|above|preceding|earlier|foregoing|your"
_FILL = f"of|the|these|those|my|and|{_WHICH}"
_CALLS = r"\b(?:alert|eval|prompt|confirm|fetch)~\(|\bdocument~\.|\blocation~=|fromcharcode"

# The kind, what a text must have one of to be looked at more closely, and patterns. All see the text in small letters.
# In a pattern a blank is white space of 1 to 5 characters, and ~ of none to 5. They begin with what is rare, and all
# repeats are bounded, so that no text takes long.
SIGNS: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (
    (
        "prompt",
        (
            "ignore",
            "disregard",
            "forget",
            "override",
            "you",
            "prompt",
            "instructions",
            "do anything",
            "|>",
            "inst]",
            "sys>",
        ),
        (
            # The model is told to drop what it was told.
            (
                rf"(?:ignore|disregard|forget|override) (?:(?:{_FILL}) ){{0,5}}(?:{_WHICH}) (?:(?:{_FILL}) ){{0,3}}"
                r"(?:instructions?|directives?|guidelines|guardrails)\b"
            ),
            (
                rf"(?:ignore|disregard|forget) (?:(?:{_FILL}) ){{0,4}}(?:{_EARLIER}) "
                r"(?:rules|prompts?|training|programming|restrictions|context|conversation)\b"
            ),
            (
                r"(?:ignore|disregard|forget) (?:everything|all(?: of that)?|what) (?:that )?"
                r"(?:you|was) (?:(?:were|have been|been) )?(?:told|instructed|taught)\b"
            ),
            r"(?:ignore|disregard|forget) (?:everything|anything|all) (?:written |said )?(?:above|before)\b",
            (
                r"(?:ignore|disregard|bypass|disable|override) (?:all of )?(?:all|any|your) "
                r"(?:\w{1,15} )?(?:safety|content|ethical) (?:rules|filters?|restrictions|polic(?:y|ies)|measures)\b"
            ),
            # It is given another self.
            (
                r"you are (?:now |no longer )?(?:in )?(?:(?:developer|god|jailbreak) mode\b"
                r"|an? (?:unrestricted|unfiltered|uncensored|jailbroken)\b)|you are now dan\b|do anything now\b"
            ),
            (
                r"(?:pretend|act as if|act as though|imagine) (?:that )?you (?:have|had|are|were) "
                r"(?:no|without|free of|free from) (?:any |all )?(?:\w{1,15} )?"
                r"(?:rules|restrictions|limits|limitations|guidelines|filters?)\b"
            ),
            # It is asked for what it was told.
            (
                r"(?:reveal|show|print|repeat|output|display|leak|dump|tell me|give me) (?:me )?(?:all )?(?:of )?"
                r"(?:your (?:\w{1,15} )?(?:prompt|instructions)"
                r"|the (?:hidden|secret|initial|original|full) (?:system )?(?:prompt|instructions))\b"
            ),
            # Marks with which chat formats part one speaker from the next.
            r"<\|(?:im_start|im_end|system|start_header_id|endoftext|eot_id)\|>|\[/?inst\]|<</?sys>>",
            r"(?:\A|\n)~[#*]{0,6}~(?:new|updated|system) (?:system )?(?:prompt|instructions)[*]{0,2}~:",
        ),
    ),
    (
        "sql",
        ("'", '"', "=", ";", "xp_cmdshell"),
        (
            # A literal is ended, and a condition that is always true, another query or another statement goes on.
            (
                r"['\"]~\)?~(?:(?:or|and) (?:not )?\(?(['\"]?)(\w{1,20})\1~(?:=|like)~['\"]?\2\b"
                r"|(?:or|and) (?:true|\d{1,9}~[=<>]~\d{1,9})~(?:--|\#|/\*)"
                r"|(?:or|and) (?:''|\"\")~=~['\"]"
                r"|--~\Z"
                r"|;?~(?:(?:and|or) (?:pg_)?sleep~\(~\d|waitfor delay ')"
                r"|union (?:all )?select\b"
                r"|;~(?:drop|truncate|alter) (?:table|database|schema|user)\b[^\n]{0,100}?(?:--|\#|/\*|;~\Z)"
                r"|;~(?:delete from|insert into|update \w{1,40} set)\b[^\n]{0,200}?--)"
            ),
            r"(?<=\d) or (\d{1,9})~=~\1\b",
            r"=~-?\d{1,9} union (?:all )?select\b[^;\n]{0,200}(?:--|\#|/\*)",
            r";~(?:drop|truncate) (?:table|database|schema) [\w.]{1,60}~;?~(?:--|\#|/\*)",
            r"exec(?:ute)? (?:master\.{1,2}(?:dbo\.)?)?xp_cmdshell\b",
        ),
    ),
    (
        "script",
        ("<", "javascript", "data"),
        (
            rf"<script\b[^<>]{{0,200}}>[^<]{{0,200}}?(?:{_CALLS})",
            rf"<\w{{1,20}}\b[^<>]{{0,200}}?\bon(?:error|load|mouseover|focus|toggle)~=~[^<>]{{0,60}}?(?:{_CALLS})",
            rf"javascript~:~(?:{_CALLS})",
            r"data~:~text/html~(?:;~base64)?~,",
        ),
    ),
    (
        "shell",
        ("/", ";", "|", "&&", "$(", "`", "~", ":()"),
        (
            # Another command behind, or within, the one that was meant.
            r"(?:[;|`]|&&|\$\()~(?:cat|less|head|tail|more) /etc/(?:passwd|shadow|sudoers)\b",
            r"(?:[;`]|\$\()~(?:wget|curl) [^\n;|]{1,200}\|~(?:ba|z|da)?sh\b",
            r"(?:[;|]|&&)~(?:whoami|uname -a|id)~(?:;|\||\Z)|\$\(~(?:whoami|id)~\)",
            r"rm -(?:rf|fr|r -f) (?:--no-preserve-root )?[/\x7e]\*?(?=\s|\Z|[;&|\"'`)])",
            r"bash -i~>&|/dev/tcp/[\w.]{1,100}/\d|nc(?:at)? [^\n;|]{0,60}-e~/bin/",
            r"(?:[;|]|&&)~nc(?:at)? (?:-[a-z]{1,6} )?[\w.-]{1,100} \d{2,5}\b",
            r":\(\)~\{~:~\|~:~&~\}",
        ),
    ),
    (
        "path",
        ("..", "%"),
        (
            # Out of the folder that was meant.
            (
                r"\.\.[/\\]\.\.[/\\](?:\.\.[/\\]){0,20}(?:etc[/\\](?:passwd|shadow|hosts)|proc[/\\]self|boot\.ini"
                r"|windows[/\\](?:system32|win\.ini))"
            ),
            r"(?:(?:\.|%2e|%252e){2}(?:%2f|%5c|%252f|%255c)){2}",
        ),
    ),
)


def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern.replace(" ", r"\s{1,5}").replace("~", r"\s{0,5}"))


_COMPILED = tuple((kind, needed, [_compiled(pattern) for pattern in patterns]) for kind, needed, patterns in SIGNS)


def signs(text: str) -> list[Span]:
    """The signs in a text, in order, without overlaps."""
    small = text.lower()
    if len(small) != len(text):
        # A few letters become two; places in the text have to stay.
        small = "".join(letter.lower() if letter.isascii() else letter for letter in text)
    found = []
    for kind, needed, patterns in _COMPILED:
        if any(part in small for part in needed):
            found += [Span(*one.span(), kind) for pattern in patterns for one in pattern.finditer(small)]
    return apart(found)
