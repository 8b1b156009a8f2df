"""Commit subjects: `folder: imperative` or `folder, folder: imperative`, up to 72 columns."""
import re
import subprocess

LONGEST = 72
# Verbs that only look like a past tense, a participle or a third person.
VERBS = {"embed", "shed", "shred", "wed", "bring", "ping", "ring", "sing", "string", "swing", "spring", "wring", "cling", "sling", "alias",
         "bias", "focus"}
NO_VERBS = {"a", "an", "the", "this", "these", "every", "each", "no", "nobody", "nothing", "one", "who", "what", "which", "when", "where", "why"}


def places(names):
    """The words that may stand before the colon: folders of the files, and files at the top without their ending."""
    found = set()
    for name in names:
        *folders, file = name.split("/")
        found.update(folders[:3] or [file.lstrip(".").partition(".")[0]])
    return {word.lstrip(".").lower() for word in found}


def is_imperative(word):
    if word in VERBS:
        return True
    return word not in NO_VERBS and not re.search(r"[^e]ed$|ing$|[^s]s$", word)


def problem(subject, allowed):
    """What is wrong with a subject, or nothing."""
    if len(subject) > LONGEST:
        return f"{len(subject)} columns, {LONGEST} at most"
    parts = re.fullmatch(r"([\w-]+(?:, [\w-]+)*): (\S+).*", subject)
    if not parts:
        return "no `folder: imperative`"
    for place in parts[1].split(", "):
        if place not in allowed:
            return f"{place} is no folder of src or tests and no file at the top"
    if not is_imperative(parts[2].lower().strip(",")):
        return f"{parts[2]} is no imperative"
    return None


def git(root, *command):
    """Git's answer; None where there is none, as in a tree without .git."""
    try:
        return subprocess.run(["git", "-C", root, *command], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return None


def since(root, file):
    """The subjects of all commits from the one that added `file` on, and None; or None and why they cannot be known."""
    if (git(root, "rev-parse", "--show-prefix") or "no").strip():
        return None, "no git repository here"
    added = (git(root, "log", "--diff-filter=A", "--format=%H", "--", file) or "").split()
    if not added:
        return None, f"{file} is not committed yet"
    # The oldest commit of a shallow clone seems to have added everything.
    shallow = git(root, "rev-parse", "--is-shallow-repository").strip() == "true"
    if shallow and not (git(root, "rev-parse", "--verify", "--quiet", f"{added[-1]}^") or "").strip():
        return None, "a shallow clone that does not reach back to the first checked commit"
    return git(root, "log", "--no-merges", "--format=%s", f"{added[-1]}^..HEAD").splitlines(), None
