#!/usr/bin/env python3
"""Shows how long the sentences of the documentation and of --help are.

    scripts/sentences.py                     README, docs, and the help of every command
    scripts/sentences.py FILE.md ...         these pages
    scripts/sentences.py --longest 20 ...    with the longest sentences, and where they stand

A page may have 10 % of sentences above 25 words, no more: exit status 1 otherwise. Blocks of code, tables,
headings and the text of notices do not count. A word is what stands between spaces and has a letter or a
digit; a piece of code in backticks is one word. The help is that of target/release/gleaner.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LIMIT_WORDS = 25
PAGES = ["README.md", "CONTRIBUTING.md", "SECURITY.md", "ARCHITECTURE.md", "docs/**/*.md"]
# Dots that end no sentence.
SHORT = re.compile(r"\b(e\.g|i\.e|cf|vs|et al|etc|approx|No|Nos)\.")


def paragraphs(text):
    """Runs of lines that belong together, without code, tables and headings."""
    text = re.sub(r"^(```|~~~).*?^\1\s*$", "\n", text, flags=re.M | re.S)
    text = re.sub(r"<!--.*?-->", "", text, flags=re.S)
    for block in re.split(r"\n\s*\n|\n(?=\s*(?:[-*+]|\d+\.)\s)", text):
        lines = [line for line in block.splitlines() if not line.lstrip().startswith(("|", "#", "<"))]
        if lines:
            yield " ".join(line.strip() for line in lines)


def sentences(text):
    """The sentences of a page."""
    for paragraph in paragraphs(text):
        plain = re.sub(r"`[^`]*`", "code", paragraph)
        plain = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", plain)
        plain = SHORT.sub(lambda found: found.group(0).replace(".", ""), plain)
        plain = re.sub(r"^\s*(?:[-*+>]|\d+\.)\s+", "", plain)
        for sentence in re.split(r"(?<=[.!?])[)\"”*]*\s+(?=[^a-z]|code)", plain):
            words = [word for word in sentence.split() if re.search(r"\w", word)]
            if words:
                yield len(words), sentence.strip()


def help_texts():
    """The long help of every command, flags and their lines of choices left out."""
    target = os.environ.get("CARGO_TARGET_DIR", ROOT / "target")
    program = str(Path(target) / "release" / "gleaner")
    commands = [[]]
    while commands:
        command = commands.pop()
        shown = subprocess.run([program, *command, "--help"], capture_output=True, text=True, check=True).stdout
        below = re.search(r"^Commands:\n((?:  .*\n|\n)*)", shown, re.M)
        for name in re.findall(r"^ {2,4}([a-z][a-z-]*) ", below.group(1) if below else "", re.M):
            if name != "help":
                commands.append([*command, name])
        # The lines of flags, choices and examples are no sentences. A command and what it does is one.
        lines = [line for line in shown.splitlines() if not re.match(r"\s*(-|\[|<|Usage:|gleaner )", line)]
        text = re.sub(r"^ {2,4}[a-z-]+  +(\S.*)$", r"\n\1\n", "\n".join(lines), flags=re.M)
        yield " ".join(["gleaner", *command, "--help"]), text


def main():
    args = sys.argv[1:]
    longest = 0
    if args[:1] == ["--longest"]:
        longest, args = int(args[1]), args[2:]
    if args:
        texts = [(page, Path(page).read_text()) for page in args]
    else:
        pages = sorted(page for pattern in PAGES for page in ROOT.glob(pattern))
        texts = [(str(page.relative_to(ROOT)), page.read_text()) for page in pages]
        texts += sorted(help_texts())
    failed, found = [], []
    for name, text in texts:
        lengths = sorted(sentences(text))
        if not lengths:
            continue
        p90 = lengths[min(len(lengths) - 1, len(lengths) * 9 // 10)][0]
        print(f"{name}: {len(lengths)} sentences, median {lengths[len(lengths) // 2][0]}, p90 {p90} words")
        if p90 > LIMIT_WORDS:
            failed.append(name)
        found += [(length, name, sentence) for length, sentence in lengths]
    for length, name, sentence in sorted(found, reverse=True)[:longest]:
        print(f"{length:4} {name}: {sentence}")
    if failed:
        sys.exit(f"sentences of more than {LIMIT_WORDS} words are over 10 % in: {', '.join(failed)}")


main()
