#!/usr/bin/env bash
# The driver `lvm` on real LVM, in a guest with a kernel of its own: `just test-lvm`.
#
# Builds a guest of Debian 13's kernel (the broker needs Linux 6.12), this machine's busybox, LVM and
# e2fsprogs, and the programs and the component in target/; boots it under qemu (ABACA_LVM_ACCELERATOR=kvm
# ABACA_LVM_CPU=host: faster, where that works); runs steps.sh in it. All that is made lies in target/lvm-guest and is made again when it
# is gone. Needs: qemu-system-x86, busybox-static, cpio, kmod, lvm2, e2fsprogs; no root. For shares
# over NFS also nfs-ganesha, nfs-ganesha-vfs, dbus-daemon, dbus-bin and libnfs-utils; for shares over
# CIFS samba and smbclient.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
built=$(cd "$here/../.." && pwd)/target
work=$built/lvm-guest
minutes=${ABACA_LVM_MINUTES:-15}
kernel=linux-image-cloud-amd64
export PATH=/usr/sbin:/sbin:$PATH

for program in qemu-system-x86_64 busybox cpio depmod lvm dmsetup mkfs.ext4 e2fsck resize2fs tune2fs; do
    command -v "$program" >/dev/null || {
        echo "SKIPPED (needs $program): the driver lvm on real LVM" >&2
        exit 0
    }
done
mkdir -p "$work"
cd "$work"

# The kernel, from where this machine has its packages, as Debian 13 has it now.
if [ ! -e kernel/complete ]; then
    rm -rf kernel lists cache
    mkdir -p kernel lists/partial cache/archives/partial
    archive=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' |
        grep --invert-match security | head -n 1)
    echo "deb $archive trixie main" >sources.list
    apt=(-o "Dir::Etc::sourcelist=$work/sources.list" -o Dir::Etc::sourceparts=/dev/null
        -o "Dir::State::lists=$work/lists" -o "Dir::Cache=$work/cache" -o APT::Sandbox::User=root)
    apt-get -q "${apt[@]}" update
    package=$(apt-cache "${apt[@]}" depends "$kernel" | sed -n 's/.*Depends: \(linux-image-6[^ ]*\)$/\1/p')
    (cd kernel && apt-get -q "${apt[@]}" download "$package" && dpkg-deb -x ./*.deb . && rm ./*.deb)
    touch kernel/complete
fi
version=$(ls kernel/usr/lib/modules)
# What the walls around commands stand on.
for needed in CONFIG_SECURITY_LANDLOCK=y 'CONFIG_LSM="landlock' CONFIG_SECCOMP=y CONFIG_CGROUPS=y; do
    grep --quiet "^$needed" "kernel/boot/config-$version" || {
        echo "the kernel $version has no $needed" >&2
        exit 1
    }
done

rm -rf root
mkdir -p root/{dev,proc,sys,run,tmp,etc/lvm,usr/{bin,sbin,lib},lib64,abaca}
ln -s usr/bin root/bin
ln -s usr/sbin root/sbin
ln -s usr/lib root/lib

cp "$(command -v busybox)" root/usr/bin/busybox
for name in $(busybox --list); do
    case $name in
    busybox | dd | df) ;;
    *) ln -s busybox "root/usr/bin/$name" ;;
    esac
done

# Programs with the libraries that they are linked with.
place() { # PROGRAM DIRECTORY
    cp --dereference "$1" "root/$2/"
    ldd "$1" | grep --only-matching '/[^ ]*' | while read -r library; do
        [ -e "root/usr/lib/$(basename "$library")" ] || cp --dereference "$library" root/usr/lib/
    done
}
for program in lvm dmsetup mkfs.ext4 e2fsck resize2fs tune2fs; do
    place "$(command -v "$program")" usr/sbin
done
# The NFS server with what it loads, the bus by which it is told, and clients.
ganesha=/usr/lib/x86_64-linux-gnu/ganesha
served=1
for program in ganesha.nfsd dbus-daemon dbus-send nfs-cat nfs-cp nfs-ls; do
    command -v "$program" >/dev/null || served=
done
if [ -n "$served" ] && [ -e "$ganesha/libfsalvfs.so" ]; then
    for program in ganesha.nfsd dbus-daemon dbus-send nfs-cat nfs-cp nfs-ls; do
        place "$(command -v "$program")" usr/bin
    done
    place "$ganesha/libfsalvfs.so" usr/lib
    mkdir -p root/usr/lib/ganesha
    mv root/usr/lib/libfsalvfs.so root/usr/lib/ganesha/
    # It does not start without something that knows users, although it is told numbers only.
    idmap=/usr/lib/x86_64-linux-gnu/libnfsidmap
    mkdir -p root/usr/lib/libnfsidmap
    place "$idmap/nsswitch.so" usr/lib/libnfsidmap
    printf '[General]\nDomain = localdomain\n[Translation]\nMethod = nsswitch\n' >root/etc/idmapd.conf
    printf 'passwd: files\ngroup: files\n' >root/etc/nsswitch.conf
    # Nor without something that knows of UDP and TCP.
    cp /etc/netconfig root/etc/
    printf '127.0.0.1 localhost guest\n' >root/etc/hosts
    cp "$here/../../drivers/ganesha-dbus.conf" "$here/../../drivers/lvm/policy-nfs.toml" root/abaca/
else
    echo "SKIPPED (needs nfs-ganesha, dbus and libnfs-utils): shares on LVM over NFS" >&2
fi
# The file server, its tools, and a client.
samba="net smbcontrol smbpasswd smbclient testparm"
served=1
for program in smbd $samba; do
    command -v "$program" >/dev/null || served=
done
if [ -n "$served" ]; then
    place "$(command -v smbd)" usr/sbin
    for program in $samba; do
        place "$(command -v "$program")" usr/bin
    done
    cp "$here/../../drivers/lvm/policy-cifs.toml" root/abaca/
else
    echo "SKIPPED (needs samba and smbclient): shares on LVM over CIFS" >&2
fi
place /usr/bin/dd usr/bin
place /usr/bin/df usr/bin
for program in abaca abaca-broker abaca-compiler; do
    place "$built/debug/$program" abaca
    strip --strip-debug "root/abaca/$program"
done
ln -s ../usr/lib/ld-linux-x86-64.so.2 root/lib64/ld-linux-x86-64.so.2
ln -s . root/usr/lib/x86_64-linux-gnu
for name in pvcreate vgcreate vgs lvs lvcreate lvremove lvextend lvreduce lvchange vgchange; do
    ln -s lvm "root/usr/sbin/$name"
done

# Modules, in the order in which they are loaded.
depmod -b kernel/usr "$version" 2>/dev/null || depmod -b kernel "$version"
for name in virtio_pci virtio_blk dm-mod dm-snapshot dm-raid raid1 ext4 crc32c_generic crc32c_intel; do
    modprobe -d "$work/kernel/usr" -S "$version" --show-depends "$name" 2>/dev/null || true
done | sed -n 's/^insmod \([^ ]*\).*/\1/p' | awk '!seen[$0]++' >modules
mkdir root/modules
number=100
while read -r module; do
    number=$((number + 1))
    file=root/modules/$number-$(basename "$module")
    case $module in
    *.xz) xz --decompress --stdout "$module" >"${file%.xz}" ;;
    *.zst) zstd --quiet --decompress --stdout "$module" >"${file%.zst}" ;;
    *) cp "$module" "$file" ;;
    esac
done <modules

cp "$built/wasm32-unknown-unknown/component/abaca_driver_lvm.wasm" root/abaca/
cp "$here/../../drivers/lvm/policy.toml" root/abaca/
cp "$here/steps.sh" root/init
chmod 0755 root/init
# Who speaks to the NFS server; the users of the file server, and nobody, whom it wants to know.
users="abaca-nfs:999 alice:1001 bob:1002 nobody:65534"
echo 'root:x:0:0:root:/:/bin/sh' >root/etc/passwd
echo 'root:x:0:' >root/etc/group
for user in $users; do
    echo "${user%:*}:x:${user#*:}:${user#*:}::/:/bin/sh" >>root/etc/passwd
    echo "${user%:*}:x:${user#*:}:" >>root/etc/group
done
# As the policy wants it. (Nothing of this machine's own configuration.)
cat >root/etc/lvm/lvm.conf <<'CONF'
activation { udev_sync = 0
udev_rules = 0 }
backup { backup = 0
archive = 0 }
global { use_lvmpolld = 0 }
allocation { wipe_signatures_when_zeroing_new_lvs = 0 }
devices { obtain_device_list_from_udev = 0
hints = "none"
use_devicesfile = 0 }
CONF
(cd root && find . | cpio --create --format=newc --quiet --owner=0:0) | gzip -1 >initrd.gz

truncate --size 0 serial.log
rm -f disk.img other.img
truncate --size 8G disk.img other.img
# Not KVM by itself: where this machine is a guest as well, it is often there and does not work.
accelerator=${ABACA_LVM_ACCELERATOR:-tcg}
echo "booting $version ($accelerator)"
timeout --kill-after=10 "${minutes}m" qemu-system-x86_64 -accel "$accelerator" -cpu "${ABACA_LVM_CPU:-max}" -smp 2 -m 2048 \
    -nodefaults -display none -no-reboot -kernel "kernel/boot/vmlinuz-$version" -initrd initrd.gz \
    -append "console=ttyS0 quiet mitigations=off panic=-1 random.trust_cpu=on tsc=reliable no_timer_check" \
    -serial file:serial.log -drive "file=$work/disk.img,format=raw,if=virtio,cache=unsafe,discard=unmap,detect-zeroes=unmap" \
    -drive "file=$work/other.img,format=raw,if=virtio,cache=unsafe,discard=unmap,detect-zeroes=unmap" || true
rm -f disk.img other.img
tr --delete '\r' <serial.log >said
sed '/^AUDIT.* BEGINS$/,/^AUDIT.* ENDS$/d' said
grep --quiet '^ALL STEPS DONE' said || {
    echo "the guest did not come to its end within $minutes minutes, or a step failed" >&2
    exit 1
}
# What was asked for under each of the policies, for whoever compares them.
kept() { # NAME FILE
    sed -n "/^$1 BEGINS\$/,/^$1 ENDS\$/{/^AUDIT/!p}" said >encoded
    [ ! -s encoded ] || base64 --decode encoded | gzip -d >"$2"
}
kept AUDIT audit.jsonl
kept 'AUDIT NFS' audit-nfs.jsonl
kept 'AUDIT CIFS' audit-cifs.jsonl
