#!/bin/sh
# Starts the built image without a Docker engine, in front of the nginx of docker-compose.yml, and looks at what it does.
#
#   test/image/try-image.sh [IMAGE]
#
# The image runs as docker-compose.yml has it: as its own user and process 1, on a read-only root, without capabilities.
# nginx is this machine's, with the configuration of docker-compose.yml. All of it has a network of its own.
set -eu
cd "$(dirname "$0")/../.."
image=${1:-localhost/ifmatch}
config() { buildah inspect --type image --format "{{range .Docker.Config.$1}}{{.}} {{end}}" "$image"; }

skip() {
  echo "skipped: $*" >&2
  exit 0
}

if [ -z "${IFMATCH_TREE:-}" ]; then
  [ "$(id -u)" = 0 ] || skip 'starting the image in namespaces takes root'
  for tool in buildah nginx curl ip; do command -v "$tool" >/dev/null || skip "$tool is not installed"; done
  buildah inspect --type image "$image" >/dev/null 2>&1 || skip "there is no image $image; run build-image.sh"
  container=$(buildah from "$image")
  trap 'buildah rm "$container" >/dev/null' EXIT
  IFMATCH_TREE=$(buildah mount "$container") unshare --mount --net --pid --fork --kill-child --mount-proc "$0" "$image"
  exit
fi

user=$(buildah inspect --type image --format '{{.Docker.Config.User}}' "$image")
entrypoint=$(config Entrypoint)
environment=$(config Env)
health=$(config Healthcheck.Test)
health=${health#CMD }
page=http://127.0.0.1:8080/notes/page.txt
failed=0

# in_image [NAME=value...] command...: runs a command in the image, in its environment and with more variables.
in_image() {
  unshare --mount --pid --fork --kill-child sh -euc '
    tree=$1 user=$2
    shift 2
    mount --bind "$tree" "$tree"
    mount -t proc proc "$tree/proc"
    touch "$tree/dev/null"
    mount --bind /dev/null "$tree/dev/null"
    mount -o remount,bind,ro "$tree"
    exec setpriv --no-new-privs chroot --userspec="$user" --groups= "$tree" env -i "$@"
  ' sh "$IFMATCH_TREE" "$user" $environment "$@"
}

exits() { in_image "$@" >>/srv/commands.log 2>&1 && echo 0 || echo "$?"; }

# start NAME=value...: serves, until stop; both by the image's own entry point, command and health check.
start() {
  in_image "$@" $entrypoint $(config Cmd) >>/srv/ifmatch.log 2>&1 &
  serving=$!
  for _ in $(seq 50); do
    [ "$(exits $health)" != 0 ] || return 0
    sleep 0.2
  done
}

# The last of a chain of processes, each of which waits for the next: the image's process 1.
innermost() {
  pid=$1
  while child=$(cat "/proc/$pid/task/$pid/children") && [ -n "$child" ]; do pid=${child% }; done
  echo "$pid"
}

stop() { kill -s TERM "$(innermost "$serving")"; }

expect_end() {
  code=0
  wait "$serving" || code=$?
  expect 'serve exits' 0 "$code"
}

expect() {
  if [ "$2" = "$3" ]; then
    echo "ok: $1: $3"
  else
    echo "NOT OK: $1: $3 instead of $2"
    failed=1
  fi
}

put() { curl --silent --output /dev/null --write-out '%{http_code}' --request PUT "$@"; }
tag() { curl --silent --head "$page" | tr -d '\r' | sed -n 's/^etag: //Ip'; }
write() { in_image node -p "try { fs.writeFileSync('$1', '') } catch (error) { error.code }"; }
writable() { find "$IFMATCH_TREE/app" "$IFMATCH_TREE/etc/ifmatch" ! -type l \( ! -user 0 -o -perm /022 \); }

ip link set lo up
mount -t tmpfs -o mode=1777 tmpfs /srv
nginx -c "$PWD/config/examples/nginx-dav.conf" -g 'pid /srv/nginx.pid;' -e stderr

expect 'the root is read-only' EROFS "$(write /tmp/file)"
expect 'files of another owner than root, or that others may write' '' "$(writable)"
expect 'check of the shipped configuration exits' 0 "$(exits $entrypoint check /etc/ifmatch/ifmatch.yaml)"
expect 'serve without an origin exits' 1 "$(exits $entrypoint serve)"
expect 'the health check, when nothing runs, exits' 1 "$(exits $health)"

start IFMATCH_ORIGIN=http://127.0.0.1:8000
expect 'the health check exits' 0 "$(exits $health)"
process=$(innermost "$serving")
expect 'user and group' "$user" "$(stat --format %u:%g "/proc/$process")"
expect 'capabilities' 0000000000000000 "$(sed -n 's/^CapPrm:\t//p' "/proc/$process/status")"
expect 'number of the process' 1 "$(sed -n 's/^NSpid:.*\t//p' "/proc/$process/status")"

expect 'PUT of what is not there' 201 "$(put --header 'If-None-Match: *' --data one "$page")"
expect 'PUT of what is there' 412 "$(put --header 'If-None-Match: *' --data two "$page")"
seen=$(tag)
expect 'GET gives' one "$(curl --silent "$page")"
expect 'PUT with the ETag' 204 "$(put --header "If-Match: $seen" --data three "$page")"
expect 'PUT with the stale ETag' 412 "$(put --header "If-Match: $seen" --data four "$page")"
expect 'GET gives' three "$(curl --silent "$page")"

head -c 5000000 /dev/zero >/srv/upload
put --limit-rate 1M --upload-file /srv/upload --header 'If-None-Match: *' "$page.upload" >/srv/status &
upload=$!
sleep 1
stop
sleep 1
expect 'after SIGTERM the health check exits' 1 "$(exits $health)"
wait "$upload"
expect 'the upload that SIGTERM met' 201 "$(cat /srv/status)"
expect_end

start IFMATCH_ORIGIN=http://127.0.0.1:8000 IFMATCH_CONFIG=/etc/ifmatch/ifmatch.yaml
expect 'with a configuration file, GET gives' three "$(curl --silent "$page")"
stop
expect_end

[ "$failed" = 0 ] || cat /srv/commands.log /srv/ifmatch.log
exit "$failed"
