/* What S3, SSM and Secrets Manager answer: is it an error, and which (llmfi_service_judge), the value that it holds (llmfi_service_value), a page of a list
   (llmfi_s3_page_begin, llmfi_s3_list_next). Whole bodies, views into them; nothing is kept. */
#ifndef LLMFI_FACTORY_SERVICE_REPLY_H
#define LLMFI_FACTORY_SERVICE_REPLY_H
#include "../../providers/fault.h"
#include "../wire/xml.h"
#include "service_request.h"

#if LLMFI_HAS_SERVICES

/* ---- replies: text out of JSON ---- */

/* Puts a string of JSON, decoded; raw: what stands between its quotes, checked by the reader. */
static void llmfi_service_put_json(llmfi_out *o, llmf_str raw) {
    const char *p = raw.ptr, *end = raw.ptr + raw.len;
    llmfi_utf8 clean;
    memset(&clean, 0, sizeof clean);
    while (p < end) {
        const char *stop = (const char *)llmfi_memchr(p, '\\', (size_t)(end - p));
        char one[4];
        if (!stop) stop = end;
        llmfi_utf8_feed(&clean, llmfi_range(p, stop), o);
        p = stop;
        if (p < end) llmfi_utf8_feed(&clean, llmfi_str(one, llmfi_utf8_encode(one, llmfi_json_escape(&p, end))), o);
    }
    llmfi_utf8_end(&clean, o);
}

/* Base64 that comes in pieces of any size: decoded as it comes. */
typedef struct llmfi_service_base64 {
    llmfi_out *to;
    char text[256];                          /* a multiple of four */
    size_t len;
    bool bad;
} llmfi_service_base64;

static void llmfi_service_base64_piece(llmfi_service_base64 *b, bool last) {
    char bytes[sizeof b->text];
    size_t len;
    llmf_str text = llmfi_str(b->text, b->len);
    if (!last && llmfi_find_char(text, '=') != LLMFI_NOWHERE) b->bad = true; /* padding stands at the end only */
    if (!b->bad && llmfi_base64_decode(text, bytes, sizeof bytes, &len)) llmfi_put(b->to, bytes, len);
    else b->bad = true;
    llmfi_wipe(llmfi_str(bytes, sizeof bytes));
    b->len = 0;
}

static void llmfi_service_base64_tap(void *user, const char *bytes, size_t len) {
    llmfi_service_base64 *b = (llmfi_service_base64 *)user;
    size_t i;
    for (i = 0; i < len; i++) {
        if (b->len == sizeof b->text) llmfi_service_base64_piece(b, false);
        b->text[b->len++] = bytes[i];
    }
}

static bool llmfi_service_put_base64(llmfi_out *to, llmf_str raw) {
    llmfi_service_base64 b;
    llmfi_out o;
    b.to = to;
    b.len = 0;
    b.bad = false;
    llmfi_out_count(&o);
    o.tap = llmfi_service_base64_tap;
    o.tap_user = &b;
    llmfi_service_put_json(&o, raw);
    llmfi_service_base64_piece(&b, true);
    llmfi_wipe(llmfi_str(b.text, sizeof b.text));
    return !b.bad;
}

/* What a reply of SSM or Secrets Manager holds; views into its body. */
typedef struct llmfi_service_held {
    llmf_str value;                          /* raw: for llmfi_service_value */
    llmf_str version;                        /* raw: the number or the VersionId; empty: none was given */
    bool binary;                             /* SecretBinary: base64 */
    bool secret;                             /* a SecureString, or a secret: not to be shown */
    bool found;
} llmfi_service_held;

/* The members of a parameter or a secret; the object is open. */
static void llmfi_service_members(llmfi_json *j, int op, llmfi_service_held *h) {
    static const char of_ssm[] = "Value\0Version\0Type\0", of_secret[] = "SecretString\0VersionId\0SecretBinary\0";
    bool secret = op == LLMFI_SERVICE_SECRET_GET;
    int at, token;
    if (secret) h->secret = true;
    while ((at = llmfi_json_pick(j, secret ? of_secret : of_ssm)) >= 0) {
        token = llmfi_json_scalar(j);
        if (at == 1 && (token == LLMFI_J_STRING || token == LLMFI_J_NUMBER)) h->version = j->text;
        if (token != LLMFI_J_STRING) continue;
        if (at == 2 && !secret) h->secret = LLMFI_KEY(j, "SecureString");
        if (at == 0 || (at == 2 && secret && (!h->found || h->binary))) { /* SecretString outranks SecretBinary */
            h->value = j->text;
            h->binary = at == 2;
            h->found = true;
        }
    }
}

static bool llmfi_service_hold(int op, llmf_str body, llmfi_service_held *h) {
    llmfi_json j;
    int at = 0;
    memset(h, 0, sizeof *h);
    h->value = h->version = llmfi_str("", 0);
    llmfi_json_init(&j, llmfi_trim(body), true);
    if (!llmfi_json_enter(&j, LLMFI_J_OBJECT)) return false;
    if (op == LLMFI_SERVICE_SECRET_GET) llmfi_service_members(&j, op, h);
    while (op == LLMFI_SERVICE_SSM_GET && (at = llmfi_json_pick(&j, "Parameter\0")) >= 0)
        if (at) llmfi_json_scalar(&j);
        else if (llmfi_json_enter(&j, LLMFI_J_OBJECT)) llmfi_service_members(&j, op, h);
    return !j.error && llmfi_json_next(&j) == LLMFI_J_END && h->found;
}

static bool llmfi_service_no_value(llmf_error *err, int op, llmf_str about) {
    llmfi_text t = llmfi_service_error(err, LLMF_ERR_PROTOCOL, about);
    err->http_status = 200;
    LLMFI_SAY(&t, "the reply is none of ");
    llmfi_say_c(&t, llmfi_service_ops[op].name);
    LLMFI_SAY(&t, ", or holds no value: is the endpoint right?");
    return false;
}

/* The value that a reply with status 200 holds: an object's bytes, a parameter, a secret. held: NULL, or what else it says. False with *err, and what was put is of
   no use; secrets are to be wiped all the same. */
LLMFI_UNUSED static bool llmfi_service_value(int op, llmf_str body, llmf_str about, llmfi_out *o, llmfi_service_held *held, llmf_error *err) {
    llmfi_service_held h;
    if (op == LLMFI_SERVICE_S3_GET) {
        memset(&h, 0, sizeof h);
        h.value = body;
        h.version = llmfi_str("", 0);
        h.found = true;
        llmfi_put_str(o, body);
    } else {
        if (!llmfi_service_hold(op, body, &h)) return llmfi_service_no_value(err, op, about);
        if (!h.binary) llmfi_service_put_json(o, h.value);
        else if (!llmfi_service_put_base64(o, h.value)) return llmfi_service_no_value(err, op, about);
    }
    if (held) *held = h;
    return !o->failed || llmfi_error_memory(err);
}

/* ---- replies: lists ---- */

enum { LLMFI_S3_END, LLMFI_S3_KEY, LLMFI_S3_PREFIX };

/* One page of a listing. Its texts are raw: llmfi_s3_put. */
typedef struct llmfi_s3_page {
    llmfi_xml xml;
    bool encoded;                            /* keys and prefixes as in a URL: we do not ask for it, but a server may */
    bool more;                               /* another page follows: ask with `token` */
    llmf_str token;
    llmf_str around;                         /* the name of the element below the root that is open */
    llmf_str key, etag;                      /* of the item; a prefix has no ETag */
} llmfi_s3_page;

/* Keys of a URL's form have no references; '+' is a blank in them. */
static bool llmfi_s3_put_encoded(llmfi_out *o, llmf_str raw) {
    llmfi_utf8 clean;
    memset(&clean, 0, sizeof clean);
    while (raw.len) {
        char c = raw.ptr[0] == '+' ? ' ' : raw.ptr[0];
        if (c == '&' || c == '<') return false;
        if (c != '%') raw = llmfi_from(raw, 1);
        else c = (char)llmfi_url_byte(&raw);
        llmfi_utf8_feed(&clean, llmfi_str(&c, 1), o);
    }
    llmfi_utf8_end(&clean, o);
    return true;
}

/* Puts a key or prefix of the page. False: it is no text (llmfi_s3_page_begin has looked at all of them). */
LLMFI_UNUSED static bool llmfi_s3_put(const llmfi_s3_page *p, llmfi_out *o, llmf_str raw) {
    return p->encoded ? llmfi_s3_put_encoded(o, raw) : llmfi_xml_put(o, raw);
}

/* What the page says of itself: the elements right below the root. */
static bool llmfi_s3_page_head(llmfi_s3_page *p, llmf_str body) {
    llmfi_xml x;
    int got;
    bool list = false;
    llmfi_xml_init(&x, body);
    while ((got = llmfi_xml_next(&x)) > LLMFI_XML_END) {
        if (got == LLMFI_XML_OPEN && x.depth == 1) list = LLMFI_IS(x.name, "ListBucketResult");
        if (got != LLMFI_XML_CLOSE || x.depth != 1) continue;
        if (LLMFI_IS(x.name, "EncodingType")) p->encoded = LLMFI_NAMED(llmfi_trim(x.inner), "url");
        if (LLMFI_IS(x.name, "IsTruncated")) p->more = LLMFI_NAMED(llmfi_trim(x.inner), "true");
        if (LLMFI_IS(x.name, "NextContinuationToken")) p->token = llmfi_trim(x.inner);
    }
    return got == LLMFI_XML_END && list;
}

/* LLMFI_S3_KEY: p->key is an object's, p->etag its ETag; _PREFIX: p->key is what many keys begin with; _END. */
LLMFI_UNUSED static int llmfi_s3_list_next(llmfi_s3_page *p) {
    llmfi_xml *x = &p->xml;
    int got;
    p->key = p->etag = llmfi_str("", 0);
    while ((got = llmfi_xml_next(x)) > LLMFI_XML_END) {
        if (got == LLMFI_XML_OPEN && x->depth == 2) p->around = x->name;
        if (got != LLMFI_XML_CLOSE) continue;
        if (x->depth == 2 && LLMFI_IS(p->around, "Contents") && LLMFI_IS(x->name, "Key")) p->key = x->inner;
        if (x->depth == 2 && LLMFI_IS(p->around, "Contents") && LLMFI_IS(x->name, "ETag")) p->etag = x->inner;
        if (x->depth == 2 && LLMFI_IS(p->around, "CommonPrefixes") && LLMFI_IS(x->name, "Prefix")) {
            p->key = x->inner;
            return LLMFI_S3_PREFIX;
        }
        if (x->depth == 1 && LLMFI_IS(x->name, "Contents") && p->key.len) return LLMFI_S3_KEY;
    }
    return LLMFI_S3_END;
}

/* Looks at the whole of a page before any of it counts. False with *err: it is cut, no list, or has an unreadable key. */
LLMFI_UNUSED static bool llmfi_s3_page_begin(llmfi_s3_page *p, llmf_str body, llmf_str about, llmf_error *err) {
    llmfi_out o;
    bool good;
    memset(p, 0, sizeof *p);
    p->token = p->around = p->key = p->etag = llmfi_str("", 0);
    llmfi_out_count(&o);
    good = llmfi_s3_page_head(p, body) && (!p->more || p->token.len) && llmfi_xml_put(&o, p->token);
    llmfi_xml_init(&p->xml, body);
    while (good && llmfi_s3_list_next(p) != LLMFI_S3_END) good = llmfi_s3_put(p, &o, p->key) && llmfi_xml_put(&o, p->etag);
    llmfi_xml_init(&p->xml, body);
    return good || llmfi_service_no_value(err, LLMFI_SERVICE_S3_LIST, about);
}

/* ---- replies: errors ---- */

enum { LLMFI_SERVICE_FAILED, LLMFI_SERVICE_GOOD, LLMFI_SERVICE_SAME, LLMFI_SERVICE_REGION };

/* What an error's body says; views into it, raw. */
typedef struct llmfi_service_said {
    llmf_str code, message, region;
    bool xml;
} llmfi_service_said;

static void llmfi_service_read_xml(llmfi_service_said *s, llmf_str body) {
    llmfi_xml x;
    int got;
    llmfi_xml_init(&x, body);
    while ((got = llmfi_xml_next(&x)) > LLMFI_XML_END) {
        if (got != LLMFI_XML_CLOSE || !x.depth) continue;
        if (!s->code.len && LLMFI_IS(x.name, "Code")) s->code = llmfi_trim(x.inner);
        if (!s->message.len && LLMFI_IS(x.name, "Message")) s->message = llmfi_trim(x.inner);
        if (!s->region.len && LLMFI_IS(x.name, "Region")) s->region = llmfi_trim(x.inner);
    }
}

static void llmfi_service_read_json(llmfi_service_said *s, llmf_str body) {
    llmfi_json j;
    size_t sharp, colon;
    int at;
    llmfi_json_init(&j, body, true);
    if (!llmfi_json_enter(&j, LLMFI_J_OBJECT)) return;
    while ((at = llmfi_json_pick(&j, "__type\0message\0Message\0code\0")) >= 0) {
        if (llmfi_json_scalar(&j) != LLMFI_J_STRING) continue;
        if (at == 0 || (at == 3 && !s->code.len)) s->code = j.text;
        if (at == 1 || (at == 2 && !s->message.len)) s->message = j.text;
    }
    sharp = llmfi_find_char(s->code, '#');
    if (sharp != LLMFI_NOWHERE) s->code = llmfi_from(s->code, sharp + 1);
    colon = llmfi_find_char(s->code, ':');
    if (colon != LLMFI_NOWHERE) s->code.len = colon;
}

static void llmfi_service_read(llmfi_service_said *s, llmf_str body) {
    s->code = s->message = s->region = llmfi_str("", 0);
    body = llmfi_trim(body);
    if (llmfi_starts(body, LLMFI_LIT("\xEF\xBB\xBF"))) body = llmfi_trim(llmfi_from(body, 3));
    s->xml = body.len && body.ptr[0] == '<';
    if (s->xml) llmfi_service_read_xml(s, body);
    else llmfi_service_read_json(s, body);
}

/* The first line of what it says, without what looks like a key: behind it services repeat what was signed. */
static llmf_str llmfi_service_message(const llmfi_service_said *s, char *text, size_t cap) {
    llmfi_out o;
    size_t lf, at;
    llmf_str line;
    llmfi_out_window(&o, text, cap, 0);
    if (!s->xml) llmfi_service_put_json(&o, s->message);
    else if (!llmfi_xml_put(&o, s->message)) o.len = 0;
    line = llmfi_str(text, o.len);
    lf = llmfi_find_char(line, '\n');
    if (lf != LLMFI_NOWHERE) line.len = lf;
    else if (o.len == cap) (void)llmfi_utf8_valid(line, &line.len);
    at = llmfi_find_nocase(line, LLMFI_LIT("the canonical string"));
    if (at != LLMFI_NOWHERE) line.len = at;
    line.len = llmfi_fault_scrub(text, line.len);
    return llmfi_trim(line);
}

/* Words of these services that models.def has no row for; each list ends with an empty one. */
static int llmfi_service_class(llmf_str code, int status) {
    static const char limits[] = "Throttling\0ThrottledException\0RequestThrottled\0RequestThrottledException\0TooManyRequestsException\0RequestLimitExceeded\0"
                                 "BandwidthLimitExceeded\0ProvisionedThroughputExceededException\0PriorRequestNotComplete\0TransactionInProgressException\0"
                                 "EC2ThrottledException\0LimitExceededException\0";
    static const char keys[] = "InvalidToken\0TokenRefreshRequired\0InvalidClientTokenId\0AuthFailure\0IncompleteSignature\0IncompleteSignatureException\0"
                               "MissingAuthenticationToken\0MissingAuthenticationTokenException\0MissingSecurityHeader\0RequestExpired\0RequestTimeTooSkewed\0"
                               "InvalidSecurity\0NotSignedUp\0AuthorizationHeaderMalformed\0";
    static const char rights[] = "AllAccessDisabled\0AccountProblem\0UnauthorizedAccess\0AccessDeniedByKMS\0KMSAccessDeniedException\0";
    static const char nothing[] = "NoSuchVersion\0ParameterVersionNotFound\0NotFoundException\0";
    static const char later[] = "InternalError\0InternalFailure\0InternalServerError\0InternalServiceError\0";
    int result;
    if (code.len) {
        if (llmfi_word_in(limits, code) >= 0) return LLMF_ERR_RATE_LIMIT;
        if (llmfi_word_in(keys, code) >= 0) return LLMF_ERR_AUTH;
        if (llmfi_word_in(rights, code) >= 0) return LLMF_ERR_PERMISSION;
        if (llmfi_word_in(nothing, code) >= 0) return LLMF_ERR_NOT_FOUND;
        if (llmfi_word_in(later, code) >= 0) return LLMF_ERR_SERVER;
        if (LLMFI_IS(code, "ServiceUnavailable")) return LLMF_ERR_OVERLOADED;
        if (LLMFI_IS(code, "RequestTimeout") || LLMFI_IS(code, "RequestTimeoutException")) return LLMF_ERR_TIMEOUT;
        result = llmfi_fault_of_word(code);
        if (result != LLMF_OK && result != LLMF_ERR_BAD_REQUEST) return result;
    }
    result = llmfi_fault_of_status(status);
    return result == LLMF_OK ? LLMF_ERR_SERVER : result;
}

/* What to do about it. */
static const char *llmfi_service_advice(int op, int code, llmf_str word) {
#if !LLMF_HAS_STRINGS
    (void)op, (void)code, (void)word;
    return "";
#else
    static const char *const rights[] = { "allow s3:GetObject for it to these keys", "allow s3:ListBucket for it to these keys",
                                          "allow ssm:GetParameter for it to these keys, and kms:Decrypt for its key",
                                          "allow secretsmanager:GetSecretValue for it to these keys, and kms:Decrypt for its key" };
    static const char *const names[] = { "look at the bucket's name and at the key", "look at the bucket's name", "look at the parameter's name and at the region",
                                         "look at the secret's name and at the region" };
    if (LLMFI_IS(word, "RequestTimeTooSkewed") || LLMFI_IS(word, "RequestExpired")) return "set this machine's clock";
    if (llmfi_find_nocase(word, LLMFI_LIT("expired")) != LLMFI_NOWHERE) return "get new AWS credentials: these have ended";
    switch (code) {
    case LLMF_ERR_AUTH: return "check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, or the profile, and the region";
    case LLMF_ERR_PERMISSION: return rights[op];
    case LLMF_ERR_NOT_FOUND: return names[op];
    case LLMF_ERR_RATE_LIMIT: return "ask less often";
    case LLMF_ERR_OVERLOADED:
    case LLMF_ERR_TIMEOUT:
    case LLMF_ERR_SERVER: return "the fault is Amazon's: try again later";
    default: return "look at the name, the region and the endpoint";
    }
#endif
}

/* The region in which a bucket really is; empty: it is in the one that was asked, or the reply does not tell. */
static llmf_str llmfi_service_elsewhere(int op, int status, const llmfi_service_said *s, llmf_str header, llmf_str asked) {
    static const char words[] = "PermanentRedirect\0TemporaryRedirect\0Redirect\0AuthorizationHeaderMalformed\0IllegalLocationConstraintException\0";
    llmf_str region = llmfi_trim(header);
    bool other = status / 100 == 3 || (status == 400 && !s->code.len) || (s->code.len && llmfi_word_in(words, s->code) >= 0);
    if (!llmfi_service_region_ok(region)) region = s->region;
    return llmfi_service_is_s3(op) && other && llmfi_service_region_ok(region) && !llmfi_eq(region, asked) ? region : llmfi_str("", 0);
}

/* region: where the bucket is instead; empty: unknown, or where it was asked. */
static void llmfi_service_tell(llmf_error *err, int op, int status, const llmfi_service_said *s, llmf_str about, llmf_str region) {
    char text[256];
    llmf_str said = llmfi_service_message(s, text, sizeof text), word = s->code;
    int code = llmfi_service_class(word, status);
    const char *advice = llmfi_service_advice(op, code, word);
    llmfi_text t = llmfi_service_error(err, code, about), named;
    err->http_status = status;
    if (llmfi_utf8_valid(word, NULL)) {
        named = llmfi_text_in(err->provider_code, sizeof err->provider_code);
        llmfi_say(&named, word);
        err->provider_code[llmfi_fault_scrub(err->provider_code, named.len)] = '\0';
    }
    if (said.len) llmfi_say(&t, said);
    else LLMFI_SAY(&t, "an error without a message");
    LLMFI_SAY(&t, " (HTTP ");
    llmfi_say_int(&t, status);
    if (err->provider_code[0]) LLMFI_SAY(&t, ", ");
    llmfi_say_c(&t, err->provider_code);
    LLMFI_SAY(&t, "); ");
    if (region.len) LLMFI_SAY(&t, "the bucket's region is ");
    if (region.len) llmfi_say(&t, region);
    else llmfi_say_c(&t, advice);
    llmfi_wipe(llmfi_str(text, sizeof text));
}

/* What a reply means. asked: the region that it was signed for. header: the value of x-amz-bucket-region; empty: none. about: how errors call what was asked for.
   LLMFI_SERVICE_GOOD: the body counts; _SAME: nothing has changed (304); _REGION: *region, a view of the header or the body, is where to ask, once; _FAILED with
   *err, which is set for _REGION too. */
LLMFI_UNUSED static int llmfi_service_judge(int op, int status, llmf_str asked, llmf_str header, llmf_str body, llmf_str about, llmf_str *region, llmf_error *err) {
    llmfi_service_said said;
    *region = llmfi_str("", 0);
    if (status == 200) return LLMFI_SERVICE_GOOD;
    if (status == 304) return LLMFI_SERVICE_SAME;
    llmfi_service_read(&said, body);
    *region = llmfi_service_elsewhere(op, status, &said, header, asked);
    llmfi_service_tell(err, op, status, &said, about, *region);
    return region->len ? LLMFI_SERVICE_REGION : LLMFI_SERVICE_FAILED;
}

#endif
#endif
