# shellcheck shell=bash
# Sourced by tools/serve and tools/test: makes the packages of tools/packages present.
#
# install_missing NEED...   NEED is "serve" or "test", as in tools/packages.
#
# Debian and its descendants: installs what dpkg does not know as installed, and only that. Anything
# else: names what its probes do not find and returns 1; it never guesses another distribution's
# package names. Asks nothing of the network when nothing is missing.

# Whether one probe of tools/packages finds its thing.
probe_finds() {
  local kind=$1 what=$2
  case $kind in
    command) command -v "$what" >/dev/null 2>&1 ;;
    file) [[ -e $what ]] ;;
    header)
      local compiler
      for compiler in g++ clang++; do
        if command -v "$compiler" >/dev/null 2>&1; then
          "$compiler" -E -x c++ - >/dev/null 2>&1 <<<"#include <$what>" && return 0
        fi
      done
      return 1
      ;;
    python) /usr/bin/python3 -c "import $what" >/dev/null 2>&1 ;;
    php) php -m 2>/dev/null | grep -qxi -- "$what" ;;
    *)
      echo "tools/packages: unknown probe '$kind'" >&2
      return 2
      ;;
  esac
}

is_debian() {
  command -v apt-get >/dev/null 2>&1 && command -v dpkg-query >/dev/null 2>&1 || return 1
  local ID='' ID_LIKE=''
  # shellcheck source=/dev/null
  [[ -r /etc/os-release ]] && . /etc/os-release
  [[ " $ID $ID_LIKE " == *" debian "* ]]
}

# Installing redis-server or memcached on Debian would also start them as services and enable them
# at boot; they are only wanted here as programs to compare with. So while apt-get runs, the units
# of packages that are new to this machine are masked (systemd, until the next boot at most) or
# RUNLEVEL=1 keeps invoke-rc.d from starting them (no systemd). Services that were there before are
# left as they are.
services_of() {
  local package
  for package in "$@"; do
    case $package in
      redis-server | memcached) echo "$package.service" ;;
    esac
  done
}

apt_install() {
  local -a as_root=() units=()
  if ((EUID != 0)); then
    if ! command -v sudo >/dev/null 2>&1; then
      echo "Missing packages: $*" >&2
      echo "Not root and no sudo here. As root: apt-get install --no-install-recommends $*" >&2
      return 1
    fi
    as_root=(sudo)
  fi
  as_root+=(env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1)
  mapfile -t units < <(services_of "$@")
  local systemd=0
  if ((${#units[@]})) && [[ -d /run/systemd/system ]]; then systemd=1; fi

  echo "== installing missing Debian packages: $*"
  ((systemd)) && "${as_root[@]}" systemctl --quiet --runtime mask "${units[@]}"
  local status=0
  "${as_root[@]}" apt-get -q update && "${as_root[@]}" apt-get -q -y --no-install-recommends \
    -o DPkg::Lock::Timeout=300 install "$@" || status=$?
  if ((systemd)); then
    "${as_root[@]}" systemctl --quiet --runtime unmask "${units[@]}"
    "${as_root[@]}" systemctl --quiet disable "${units[@]}" 2>/dev/null
  fi
  ((status == 0)) || echo "apt-get could not install: $*" >&2
  return "$status"
}

install_missing() {
  local list debian=0 need package rest installed
  local -a missing=()
  list="$(dirname "${BASH_SOURCE[0]}")/packages"
  is_debian && debian=1
  if ((debian)); then
    # One question for all packages. dpkg-query fails when it never heard of one, which is no news.
    # shellcheck disable=SC2016
    installed=$(awk '!/^#/ && NF { print $2 }' "$list" |
      xargs dpkg-query -W -f '${db:Status-Abbrev} ${Package}\n' 2>/dev/null | awk '$1 == "ii" { print $2 }') || true
  fi
  while read -r need package rest; do
    [[ -z $need || $need == \#* ]] && continue
    [[ " $* " == *" $need "* ]] || continue
    if ((debian)); then
      grep -qxF -- "$package" <<<"$installed" && continue
      # shellcheck disable=SC2086
      [[ $rest == or\ * ]] && probe_finds ${rest#or } && continue
    else
      # shellcheck disable=SC2086
      probe_finds ${rest#or } && continue
    fi
    missing+=("$package")
  done <"$list"
  ((${#missing[@]} == 0)) && return 0
  if ((debian)); then
    apt_install "${missing[@]}"
    return
  fi
  {
    echo "This is not Debian, so nothing is installed. Missing here, by their Debian 12 names:"
    printf '  %s\n' "${missing[@]}"
    echo "Please install what your distribution calls these, then run this again."
  } >&2
  return 1
}
