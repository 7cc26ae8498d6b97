#!/bin/sh
# certs.sh DIR - certificates for the loopback server, by openssl, valid for two days from now:
#   ca.pem          a test CA
#   server.pem      chain of a server certificate for localhost, 127.0.0.1 and ::1, with server.key
#   other.pem       a server certificate for other.test from the same CA, with other.key (must be refused by name)
#   expired.pem     a server certificate for localhost that ended in 2020, with expired.key
#   bundle.pem      the test CA and the system's roots after it: as long as a real bundle
# KEYS=rsa makes RSA-2048 keys instead of P-256. Keeps what is there while it is still valid for an hour.
set -eu
dir=${1:?usage: certs.sh DIR}
system=${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}
mkdir -p "$dir"
cd "$dir"
if [ "$(cat keys 2>/dev/null)" = "${KEYS:-ec}" ] && [ -s bundle.pem ] && [ -s expired.pem ] && openssl x509 -in server.pem -noout -checkend 3600 >/dev/null 2>&1; then exit 0; fi

key() {
    if [ "${KEYS:-ec}" = rsa ]; then openssl genrsa -out "$1.key" 2048 2>/dev/null; return; fi
    openssl ecparam -name prime256v1 -genkey -noout -out "$1.key" 2>/dev/null
}

key ca
openssl req -x509 -new -key ca.key -sha256 -days 2 -subj "/O=loopback/CN=loopback test CA" \
    -addext "basicConstraints=critical,CA:TRUE" -addext "keyUsage=critical,keyCertSign,cRLSign" -out ca.pem

# leaf NAME CN SUBJECTALTNAMES [openssl ca options: dates]
leaf() {
    name=$1 cn=$2 san=$3
    shift 3
    key "$name"
    openssl req -new -key "$name.key" -sha256 -subj "/CN=$cn" -out "$name.csr"
    cat >"$name.cnf" <<CNF
[ca]
default_ca = d
[d]
database = $name.db
new_certs_dir = .
rand_serial = yes
default_md = sha256
policy = p
[p]
commonName = supplied
[x]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature,keyEncipherment
extendedKeyUsage = serverAuth
subjectAltName = $san
CNF
    : >"$name.db"
    openssl ca -batch -config "$name.cnf" -cert ca.pem -keyfile ca.key -in "$name.csr" -out "$name.leaf" -notext -extensions x "$@" 2>"$name.log" \
        || { cat "$name.log" >&2; exit 1; }
    cat "$name.leaf" ca.pem >"$name.pem"
    rm -f "$name.csr" "$name.cnf" "$name.db"* "$name.leaf" "$name.log" [0-9A-F]*[0-9A-F].pem
}
leaf other other.test "DNS:other.test" -days 2
leaf expired localhost "DNS:localhost,IP:127.0.0.1,IP:::1" -startdate 20200101000000Z -enddate 20200102000000Z
leaf server localhost "DNS:localhost,IP:127.0.0.1,IP:::1" -days 2
cp ca.pem bundle.tmp
if [ -r "$system" ]; then cat "$system" >>bundle.tmp; fi
mv bundle.tmp bundle.pem
echo "${KEYS:-ec}" >keys
