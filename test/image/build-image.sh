#!/bin/sh
# Builds the image without a Docker engine, by buildah. Then: test/image/try-image.sh
#
#   test/image/build-image.sh [BASE]
#
# BASE is an image with Node and npm. Without it, one is made, once, of a minimal Debian, the Node of node_modules and
# the npm of this machine. Inside the build, npm's settings are those of $NPM_CONFIG_USERCONFIG or ~/.npmrc, and the
# authorities in the file $NODE_EXTRA_CA_CERTS are trusted. Where overlay mounts do not work, set the
# driver vfs in storage.conf.
set -eu
cd "$(dirname "$0")/../.."
export BUILDAH_ISOLATION=chroot
image=localhost/ifmatch
made_base=localhost/ifmatch-base

skip() {
  echo "skipped: $*" >&2
  exit 0
}

exists() { buildah inspect --type image "$1" >/dev/null 2>&1; }

make_base() {
  echo "making $made_base" >&2
  container=$(buildah from scratch)
  tree=$(buildah mount "$container")
  debootstrap --variant=minbase --include=libatomic1 bookworm "$tree"
  mkdir -p "$tree/usr/local/lib/node_modules"
  cp node_modules/node/bin/node "$tree/usr/local/bin/node"
  cp -r "$(npm root --global)/npm" "$tree/usr/local/lib/node_modules/npm"
  ln -s ../lib/node_modules/npm/bin/npm-cli.js "$tree/usr/local/bin/npm"
  buildah commit --quiet --rm "$container" "$made_base"
}

[ "$(id -u)" = 0 ] || skip 'building by buildah in a chroot takes root'
command -v buildah >/dev/null || skip 'buildah is not installed'
base=${1:-$made_base}
if [ "$base" = "$made_base" ] && ! exists "$base"; then
  command -v debootstrap >/dev/null || skip 'debootstrap is not installed; give a base image'
  [ -x node_modules/node/bin/node ] || skip 'node_modules has no Node; run npm ci, or give a base image'
  make_base
fi

npmrc=$(mktemp)
trap 'rm -f "$npmrc"' EXIT
settings=${NPM_CONFIG_USERCONFIG:-$HOME/.npmrc}
[ ! -f "$settings" ] || cat "$settings" >"$npmrc"
set -- --secret "id=npmrc,src=$npmrc"
if [ -n "${NODE_EXTRA_CA_CERTS:-}" ]; then
  echo 'cafile=/run/npm-ca.pem' >>"$npmrc"
  set -- "$@" --volume "$(realpath "$NODE_EXTRA_CA_CERTS"):/run/npm-ca.pem:ro"
fi
buildah bud --format docker --network host --build-arg "BASE=$base" "$@" --tag "$image" .
for name in "$base" "$image"; do buildah images --format '{{.Name}} {{.Size}}' "$name"; done
