"""A recorded request on its way into our Request form: see requests.py."""
import copy

ELIDED = "chars elided]"
SERVICE_FIELDS = ("model", "messages", "stream")

# The row of models.def that stands for a recorded host. A host without a row,
# or whose own dialect is another one, is said with the plain one of its face.
ROWS = {
    "openai": {"azure": "openai", "anthropic": "openai", "gemini": "openai",
               "huggingface": "openai", "ollama": "openai",
               "bedrock-mantle": "bedrock_mantle", "moonshotai": "moonshot",
               "litellm-proxy": "litellm", "vercel-gateway": "vercel",
               "snowflake-cortex": "snowflake"},
}


def claimed(host, dialect="openai"):
    """The name of the row."""
    return ROWS.get(dialect, {}).get(host, host)


class Wish:
    """A recorded body, as far as the Request form can say it."""

    def __init__(self, record, dialect):
        self.record = record
        self.dialect = dialect
        self.host = record["provider"]
        self.row = claimed(self.host, dialect)
        self.url = record["request"]["url"] or ""
        self.op = None                   # an operation besides chat
        self.body = copy.deepcopy(record["request"]["body"])
        self.model = record.get("model") or ""
        self.request = {}
        self.extra = {}
        self.cannot = []
        if isinstance(self.body, dict):
            self.model = self.body.get("model") or self.model
            self.stream = bool(self.body.get("stream"))
        else:
            self.stream = False

    def refuse(self, reason):
        if reason not in self.cannot:
            self.cannot.append(reason)

    def take(self, name):
        """The value of a recorded member that gets a field of its own."""
        self.left.discard(name)
        return self.body.get(name)

    def finish(self):
        """Members that have no field go through `extra` as they are."""
        for name in sorted(self.left - set(SERVICE_FIELDS)):
            if self.body[name] is not None:
                self.extra[name] = self.body[name]
        if self.extra:
            self.request["extra"] = self.extra
        self.request["model"] = "%s:%s" % (self.row, self.model)
        return self


def without_nulls(value):
    """Takes members out that are null, where null means absent."""
    for name in [n for n, v in value.items() if v is None]:
        del value[name]


def plain_fields(wish, names):
    for theirs, ours in names:
        value = wish.take(theirs)
        if value is not None and ours not in wish.request:
            wish.request[ours] = value


def drop(holder, name, *values):
    if name in holder and any(same(holder[name], v) for v in values):
        del holder[name]
        return True
    return False


# ------------------------------------------------------------ media of parts

def split_data_url(url):
    """("image/png", "AAAA") of a data: URL; None of any other."""
    if not url.startswith("data:") or ";base64," not in url:
        return None
    head, data = url[5:].split(";base64,", 1)
    return head, data


def from_url(part, url):
    """Bytes as `data` where they are whole, so that we have to encode them."""
    pair = split_data_url(url)
    if pair and ELIDED not in url and pair[0]:
        part["media_type"], part["data"] = pair
    else:
        part["url"] = url
    return part


# ----------------------------------------------------------------- comparison

def same(a, b):
    return difference(a, b) is None


def number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def difference(theirs, ours, path=""):
    """(path, recorded, ours) of the first difference; None: there is none."""
    if number(theirs) and number(ours):
        return None if theirs == ours else (path, theirs, ours)
    if type(theirs) is not type(ours):
        return path, theirs, ours
    if isinstance(theirs, dict):
        for name in sorted(set(theirs) | set(ours)):
            if name not in ours:
                return "%s.%s" % (path, name), theirs[name], "(absent)"
            if name not in theirs:
                return "%s.%s" % (path, name), "(absent)", ours[name]
            found = difference(theirs[name], ours[name],
                               "%s.%s" % (path, name))
            if found:
                return found
        return None
    if isinstance(theirs, list):
        for i, (a, b) in enumerate(zip(theirs, ours)):
            found = difference(a, b, "%s[%d]" % (path, i))
            if found:
                return found
        if len(theirs) != len(ours):
            return path, "%d items" % len(theirs), "%d items" % len(ours)
        return None
    return None if theirs == ours else (path, theirs, ours)
