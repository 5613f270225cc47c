# Sourced by the RUN steps that reach the network: the caller's package sources and certificates, when given as the build
# secrets `sources` (lines `export NAME=VALUE`) and `ca`.
if [ -f /run/secrets/sources ]; then
    . /run/secrets/sources
fi
if [ -f /run/secrets/ca ]; then
    export SSL_CERT_FILE=/run/secrets/ca PIP_CERT=/run/secrets/ca
    echo 'Acquire::https::CaInfo "/run/secrets/ca";' >/tmp/apt.conf
    export APT_CONFIG=/tmp/apt.conf
fi
