#!/bin/sh
# Makes the environment /trac at the first start, with one administrator, and serves it at /trac on port 8000.
#   TRAC_DATABASE         as in trac.ini: postgres://trac:password@postgres/trac?schema=trac
#   TRAC_BASE_URL         the address people use: https://learn.example.org/trac
#   TRAC_ADMIN_PASSWORD   the password of `admin`
set -eu
if [ ! -f /trac/conf/trac.ini ]; then
    trac-admin /trac initenv LearnTrac "$TRAC_DATABASE"
    trac-admin /trac config set trac base_url "$TRAC_BASE_URL"
    trac-admin /trac permission add admin TRAC_ADMIN
fi
if [ ! -f /trac/conf/htpasswd ]; then
    python -c '
import os
from trac.util import md5crypt
password = os.environ["TRAC_ADMIN_PASSWORD"]
salt = os.urandom(4).encode("hex")
with open("/trac/conf/htpasswd", "w") as passwords:
    passwords.write("admin:" + md5crypt(password, salt, "$apr1$") + "\n")
'
fi
exec tracd --port=8000 --single-env --base-path=/trac --basic-auth='*,/trac/conf/htpasswd,Trac' /trac
