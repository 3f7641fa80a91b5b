#!/bin/sh
# Copies the Debian system that it runs in to a folder, without what a service never runs: package managers of the system,
# of Python and of Node, Perl (which only they need), the right to become another user, caches and logs. What is left out
# is struck off dpkg's list as well: scanners read that list, and it is to be true.
#
# usage: strip_system.sh FOLDER        The same file stands in each runtime's context.
set -eu
root="$1"

mkdir -p "$root"
for entry in /*; do
  case "$entry" in
    /proc | /sys | /dev | /run | /tmp | "$root") ;;
    *) cp -a "$entry" "$root/" ;;
  esac
done
for folder in proc sys dev run tmp; do mkdir "$root/$folder"; done
chmod 1777 "$root/tmp"
# A container's own; while an image is built those of the machine that builds stand here.
rm -f "$root/etc/resolv.conf" "$root/etc/hosts" "$root/etc/hostname"

# Names of packages, as patterns of a shell.
unwanted="apt libapt-pkg* gpgv sqv dpkg debconf adduser usrmerge perl perl-base perl-modules-* libperl5* lib*-perl
python3-venv python3.*-venv python3-pip* python3-setuptools* python3-wheel* python3-distutils python3-lib2to3"

status="$root/var/lib/dpkg/status" gone=
for pattern in $unwanted; do
  for list in "$root/var/lib/dpkg/info/"$pattern.list "$root/var/lib/dpkg/info/"$pattern:*.list; do
    [ -f "$list" ] || continue
    while read -r path; do
      path="$root$path"
      # A link to a folder (/bin, /lib) belongs to everybody.
      if [ -f "$path" ] || { [ -L "$path" ] && [ ! -d "$path" ]; }; then rm -f "$path"; fi
    done <"$list"
    package="${list##*/}" package="${package%.list}"
    gone="$gone ${package%:*}"
    rm -f "${list%.list}".*
  done
done
if [ -f "$status" ]; then
  awk -v gone="$gone" '
    BEGIN { RS = ""; ORS = "\n\n"; split(gone, names, " "); for (i in names) drop["Package: " names[i]] = 1 }
    { split($0, lines, "\n") } !(lines[1] in drop)' "$status" >"$root/tmp/status"
  mv "$root/tmp/status" "$status"
fi

for library in "$root"/usr/lib/python3* "$root"/usr/local/lib/python3*; do
  [ -d "$library" ] || continue
  rm -rf "$library/ensurepip" "$library/idlelib" "$library/lib2to3" "$library/turtledemo"
  for packages in "$library/site-packages" "$library/dist-packages"; do
    rm -rf "$packages"/pip "$packages"/pip-* "$packages"/setuptools "$packages"/setuptools-* "$packages"/wheel \
      "$packages"/wheel-* "$packages"/pkg_resources "$packages"/_distutils_hack "$packages"/distutils-precedence.pth
  done
done
for prefix in "$root/usr" "$root/usr/local"; do
  rm -rf "$prefix"/lib/node_modules/npm "$prefix"/lib/node_modules/corepack "$prefix"/include/node
  for program in pip pip3 pip3.* wheel idle idle3* 2to3* npm npx corepack yarn yarnpkg pnpm; do
    rm -f "$prefix/bin/"$program
  done
done
rm -rf "$root"/opt/yarn* "$root/etc/apt" "$root/var/lib/apt" "$root"/var/cache/* "$root"/var/log/* \
  "$root"/var/lib/dpkg/*-old "$root/usr/share/python-wheels" "$root/root/.cache" "$root/root/.npm"

# No file gives its owner's rights to whoever runs it.
find "$root" -type f -perm /6000 -exec chmod a-s {} +
