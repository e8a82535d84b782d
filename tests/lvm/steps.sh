#!/bin/sh
# The first and only process of the guest that run.sh boots: the whole life of shares on real LVM,
# with the policy that the driver ships, one line a step. The machine ends with it, whatever happens.
export PATH=/usr/sbin:/usr/bin:/abaca

now() { cut -d' ' -f1 /proc/uptime; }
end() { # MESSAGE
    echo "$*"
    poweroff -f
    sleep 60
}
# A step that must succeed.
step() { # NAME COMMAND…
    name=$1
    shift
    begun=$(now)
    if "$@" >/tmp/out 2>&1; then
        echo "ok    $name ($(echo "$(now) $begun" | awk '{printf "%.1f", $1 - $2}') s)"
    else
        cat /tmp/out
        tail -n 12 /srv/nfs/log /srv/smb/log 2>/dev/null
        [ -e /srv/abaca/state ] && tail -n 4 /srv/abaca/state/*/audit* 2>/dev/null
        end "FAILED $name"
    fi
}
# One that must fail, and say this.
refused() { # NAME TEXT COMMAND…
    name=$1 text=$2
    shift 2
    if "$@" >/tmp/out 2>&1 || ! grep -q "$text" /tmp/out; then
        cat /tmp/out
        end "FAILED $name: it had to be refused with \`$text\`"
    fi
    echo "ok    $name: refused"
}
same() { # WHAT EXPECTED FOUND
    if [ "$2" = "$3" ]; then echo "ok    $1: $3"; else end "FAILED $1: $3, not $2"; fi
}
place() { # SHARE
    abaca share show "$1" | sed -n 's/^export locations: *//p'
}
gib() { # DIRECTORY: the size of its file system, rounded; not by busybox
    /usr/bin/df --output=size --block-size=1M "$1" | awk 'NR == 2 { printf "%d", $1 / 1024 + 0.5 }'
}

mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mount -t tmpfs tmp /tmp
mount -t tmpfs run /run
mkdir -p /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup
ip link set lo up
for module in /modules/*; do insmod "$module" || echo "$module does not load"; done
echo "Linux $(uname -r), $(lvm version | sed -n 's/ *LVM version: *//p'), Landlock: $(cat /sys/kernel/security/lsm 2>/dev/null)"

mkdir -p /run/lock/lvm /run/lvm /srv/abaca
mkdir -m 0711 /srv/abaca/mounts
step "a volume group" sh -c 'pvcreate -q /dev/vda /dev/vdb && vgcreate lvm-shares /dev/vda /dev/vdb'
cp /abaca/policy.toml /srv/abaca/lvm.policy.toml
cd /srv/abaca || end "FAILED no directory"
cat >abaca.toml <<END
schema = 1

[backends.lvm]
driver = "/abaca/abaca_driver_lvm.wasm"
policy = "lvm.policy.toml"
approved = false # the policy is the one that the driver ships

[backends.lvm.options]
driver_handles_share_servers = false
lvm_share_export_root = "/srv/abaca/mounts"
END

step "the backend can work" abaca backend check
step "a share" abaca share create papers --size 1
papers=$(place papers)
same "it is where it is said to be" "$(ls -d /srv/abaca/mounts/share-*)" "$papers"
same "its size in GiB" 1 "$(gib "$papers")"
same "its permission bits" 700 "$(stat -c %a "$papers")"
step "it is let at" abaca access allow papers user everyone --level rw
same "its permission bits" 777 "$(stat -c %a "$papers")"
echo first >"$papers/letter"
head -c 5000000 /dev/urandom >"$papers/data"
sum=$(md5sum <"$papers/data")

step "larger, while it is used" abaca share extend papers --size 3
same "its size in GiB" 3 "$(gib "$papers")"
same "its volume" 3.00g "$(lvs --noheadings --units g -o lv_size lvm-shares | tr -d ' ')"
step "smaller" abaca share shrink papers --size 2
same "its size in GiB" 2 "$(gib "$papers")"
same "its volume" 2.00g "$(lvs --noheadings --units g -o lv_size lvm-shares | tr -d ' ')"
same "what is in it" "$sum" "$(md5sum <"$papers/data")"
fallocate -l 1500000000 "$papers/large"
refused "smaller than what is in it" "fit" abaca share shrink papers --size 1
same "it is there all the same" "$sum" "$(md5sum <"$papers/data")"
rm "$papers/large"
step "as small as it was" abaca share shrink papers --size 1

step "a snapshot" abaca snapshot create papers before
echo second >"$papers/letter"
refused "a share with a snapshot is not removed" "snapshot" abaca share delete papers
refused "it is not made larger either" "snapshot" abaca share extend papers --size 3
same "its size in GiB" 1 "$(gib "$papers")"
step "a share made of it" abaca share create copy --from-snapshot before --size 2
copy=$(place copy)
same "what is in it" first "$(cat "$copy/letter")"
same "what is in it" "$sum" "$(md5sum <"$copy/data")"
same "its size in GiB" 2 "$(gib "$copy")"
same "the share itself" second "$(cat "$papers/letter")"
step "the snapshot is removed" abaca snapshot delete before
same "what is left of the group" 2 "$(lvs --noheadings lvm-shares | wc -l)"
step "now it is made larger" abaca share extend papers --size 2

# As after a restart: nothing is mounted, no volume is active.
umount "$papers" "$copy"
vgchange -a n lvm-shares >/dev/null 2>&1
same "active volumes" 0 "$(ls /dev/mapper | grep -c share)"
ensure() { # SHARE SIZE
    id=$(abaca share show "$1" | sed -n 's/^id: *//p')
    step "$1 is there again" abaca call lvm ensure_share "{\"share\": {
        \"id\": \"$id\", \"share_id\": \"$id\", \"name\": \"share-$id\", \"size\": $2, \"protocol\": \"nfs\",
        \"host\": \"guest@lvm\", \"status\": \"available\", \"access_rules_status\": \"active\",
        \"export_locations\": [], \"user_id\": \"\", \"project_id\": \"\", \"extra_specs\": {},
        \"metadata\": {}, \"is_public\": false}}"
}
ensure papers 2
ensure copy 2
same "what is in it" second "$(cat "$papers/letter")"
same "what is in it" "$sum" "$(md5sum <"$copy/data")"

cd "$copy" || end "FAILED no copy"
refused "a share in use is not removed" "in use\|busy" abaca --config /srv/abaca/abaca.toml share delete copy
cd /srv/abaca || end "FAILED no directory"
step "it is removed" abaca share delete copy
step "the other is removed" abaca share delete papers
same "what is left of the group" 0 "$(lvs --noheadings lvm-shares | wc -l)"
same "what is left of the mounts" 0 "$(ls mounts | wc -l)"
same "what is left of /dev/mapper" control "$(ls /dev/mapper)"
# Each share on both disks.
echo 'lvm_share_mirrors = 1' >>abaca.toml
step "a share with a copy on the other disk" abaca share create safe --size 1
safe=$(place safe)
echo kept >"$safe/letter"
same "its kind" raid1 "$(lvs --noheadings -o segtype lvm-shares | tr -d ' ')"
step "it is larger" abaca share extend safe --size 2
same "what is in it" kept "$(cat "$safe/letter")"
same "its size in GiB" 2 "$(gib "$safe")"
step "it is removed" abaca share delete safe
same "what is left of /dev/mapper" control "$(ls /dev/mapper)"
sed -i '/^lvm_share_mirrors/d' abaca.toml
step "the audit is whole" abaca audit verify
# For run.sh, which puts what was asked for beside the policy.
echo "AUDIT BEGINS"
gzip -9 -c state/lvm/audit.jsonl | base64
echo "AUDIT ENDS"

# Over NFS.
if [ -e /usr/bin/ganesha.nfsd ]; then
    mkdir -p /srv/nfs/exports /srv/nfs/recovery /run/dbus /var/lib/nfs/ganesha
    chmod 0700 /srv/nfs/exports
    : >/srv/nfs/exports/_index.conf
    cat >/srv/nfs/bus.conf <<END
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>system</type><listen>unix:path=/run/dbus/system_bus_socket</listen><auth>EXTERNAL</auth>
<policy context="default"><allow user="*"/><deny own="*"/><deny send_type="method_call"/>
<allow send_type="signal"/><allow send_requested_reply="true" send_type="method_return"/>
<allow send_requested_reply="true" send_type="error"/><allow receive_type="method_call"/>
<allow receive_type="method_return"/><allow receive_type="error"/><allow receive_type="signal"/>
<allow send_destination="org.freedesktop.DBus"/></policy>
<policy user="root"><allow own="org.ganesha.nfsd"/><allow send_destination="org.ganesha.nfsd"/></policy>
<include>/abaca/ganesha-dbus.conf</include></busconfig>
END
    cat >/srv/nfs/ganesha.conf <<END
NFS_CORE_PARAM { Protocols = 4; Enable_NLM = false; Enable_RQUOTA = false; Enable_UDP = false;
  Plugins_Dir = "/usr/lib/ganesha"; }
NFSv4 { Graceless = true; Only_Numeric_Owners = true; RecoveryBackend = fs; RecoveryRoot = /srv/nfs/recovery; }
NFS_KRB5 { Active_krb5 = false; }
%include "/srv/nfs/exports/_index.conf"
END
    dbus-daemon --config-file=/srv/nfs/bus.conf --fork
    mkdir -p /var && ln -sf /run /var/run
    hostname guest
    ln -sf /proc/self/mounts /etc/mtab
    ganesha.nfsd -f /srv/nfs/ganesha.conf -L /srv/nfs/log -p /srv/nfs/pid -N EVENT
    for try in $(seq 600); do
        dbus-send --system --print-reply --dest=org.ganesha.nfsd /org/ganesha/nfsd/ExportMgr \
            org.freedesktop.DBus.Peer.Ping >/dev/null 2>&1 && break
        sleep 0.1
    done
    [ -n "$(pidof ganesha.nfsd)" ] || { cat /srv/nfs/log; end "FAILED the NFS server does not run"; }
    sed 's|/srv/abaca/exports|/srv/nfs/exports|' /abaca/policy-nfs.toml >/srv/abaca/lvm.policy.toml
    sed -i '/^lvm_share_export_root/d' abaca.toml
    printf 'lvm_share_export = "ganesha"\nlvm_ganesha_server = "127.0.0.1"\n' >>abaca.toml
    at() { # SHARE FILE
        echo "nfs://$(place "$1" | sed 's|:/|/|')/$2?version=4"
    }
    step "the backend can work, with the NFS server" abaca backend check
    step "a share" abaca share create net --size 1
    same "where clients find it" 127.0.0.1 "$(place net | cut -d: -f1)"
    refused "nobody is let in" NFS4ERR_NOENT nfs-cat "$(at net letter)"
    step "a client is let in" abaca access allow net ip 127.0.0.1 --level rw
    echo over the network >/tmp/letter
    step "it writes" nfs-cp /tmp/letter "$(at net letter)"
    same "and reads" "over the network" "$(nfs-cat "$(at net letter)")"
    step "a snapshot" abaca snapshot create net kept
    step "a share made of it" abaca share create again --from-snapshot kept
    step "its clients may read" abaca access allow again ip 127.0.0.0/8 --level ro
    same "what is in it" "over the network" "$(nfs-cat "$(at again letter)")"
    refused "they may not write" NFS4ERR_ROFS nfs-cp /tmp/letter "$(at again more)"
    step "others too, some of whom write" abaca access allow again ip 198.51.100.7 --level ro
    step "a network of them" abaca access allow again ip 198.51.100.0/24 --level rw
    step "the snapshot is removed" abaca snapshot delete kept
    step "it is larger, for who is connected too" abaca share extend net --size 2
    step "smaller" abaca share shrink net --size 1
    same "what is in it" "over the network" "$(nfs-cat "$(at net letter)")"
    step "the client is shut out" abaca access deny net ip 127.0.0.1
    refused "nobody is let in" NFS4ERR_NOENT nfs-cat "$(at net letter)"
    step "it is removed" abaca share delete net
    step "the other too" abaca share delete again
    same "what is left of exports" _index.conf "$(ls /srv/nfs/exports)"
    same "what is left of the group" 0 "$(lvs --noheadings lvm-shares | wc -l)"
    step "all is as it is recorded" abaca backend reconcile
    echo "AUDIT NFS BEGINS"
    gzip -9 -c state/lvm/audit.jsonl | base64
    echo "AUDIT NFS ENDS"
    sed -i '/^lvm_share_export/d; /^lvm_ganesha/d' abaca.toml
    rm -r state
fi

# Over CIFS.
if [ -e /usr/sbin/smbd ]; then
    for directory in definitions samba registry messages private; do
        mkdir -p -m 0700 /srv/smb/$directory
    done
    conf=/srv/smb/samba/smb.conf
    cat >$conf <<END
[global]
server role = standalone server
map to guest = never
dos charset = ASCII
bind interfaces only = yes
interfaces = 127.0.0.1/8
private dir = /srv/smb/private
state directory = /srv/smb/registry
cache directory = /srv/smb/registry
lock directory = /srv/smb/messages
pid directory = /srv/smb/messages
ncalrpc dir = /srv/smb/messages/ncalrpc
log file = /srv/smb/log
load printers = no
disable spoolss = yes
disable netbios = yes
registry shares = yes
END
    for user in alice bob; do
        printf 'secret\nsecret\n' | smbpasswd -c $conf -s -a $user >/tmp/out || { cat /tmp/out; end "FAILED no user $user"; }
    done
    smbd --daemon -s $conf
    for try in $(seq 600); do
        smbcontrol -s $conf smbd ping >/dev/null 2>&1 && break
        sleep 0.1
    done
    [ -n "$(pidof smbd)" ] || { cat /srv/smb/log; end "FAILED the file server does not run"; }
    sed 's|/srv/abaca/definitions|/srv/smb/definitions|; s|/etc/samba|/srv/smb/samba|
        s|/var/lib/samba|/srv/smb/registry|; s|/run/samba|/srv/smb/messages|' /abaca/policy-cifs.toml >lvm.policy.toml
    sed -i '/^lvm_share_export_root/d' abaca.toml
    # Clients work as users of this machine, and there is no other who keeps them apart.
    printf 'lvm_share_export = "samba"\nlvm_samba_server = "127.0.0.1"\nlvm_share_mode = "0777"\n' >>abaca.toml
    as() { # USER SHARE [COMMANDS]
        smbclient -s /dev/null -U "$1%secret" "$(place "$2" | tr '\\' /)" ${3:+-c "$3"}
    }
    step "the backend can work, with the file server" abaca backend check
    refused "a share of the other protocol" "CIFS" abaca share create other --size 1 --protocol nfs
    step "it is forgotten" abaca share delete other
    step "a share" abaca share create box --size 1 --protocol cifs
    box=/srv/abaca/mounts/$(place box | sed 's|.*\\||')
    same "where clients find it" "//127.0.0.1/$(basename "$box")" "$(place box | tr '\\' /)"
    refused "nobody is let in" NT_STATUS as alice box ls
    step "a user is let in" abaca access allow box user alice --level rw
    echo through the wire >/tmp/letter
    step "she writes" as alice box "put /tmp/letter letter"
    same "it is on the volume" "through the wire" "$(cat "$box/letter")"
    same "as hers" alice "$(stat -c %U "$box/letter")"
    refused "another user is not let in" NT_STATUS_ACCESS_DENIED as bob box ls
    step "he may read" abaca access allow box user bob --level ro
    step "he reads" as bob box "get letter /tmp/back"
    same "what is in it" "through the wire" "$(cat /tmp/back)"
    refused "he may not write" "NT_STATUS_ACCESS_DENIED\|MEDIA_WRITE_PROTECTED" as bob box "put /tmp/letter more"

    step "a snapshot" abaca snapshot create box kept
    step "a share made of it" abaca share create again --from-snapshot kept
    refused "nobody is let in" NT_STATUS as alice again ls
    step "a network is let in" abaca access allow again ip 127.0.0.0/8 --level rw
    step "whoever comes from there" as bob again "get letter /tmp/back"
    same "what is in it" "through the wire" "$(cat /tmp/back)"
    step "the snapshot is removed" abaca snapshot delete kept

    # Somebody who stays.
    stays() { # SHARE FILE
        rm -f /tmp/orders && mkfifo /tmp/orders
        as alice "$1" </tmp/orders >/tmp/said 2>&1 &
        exec 3>/tmp/orders
        echo "put /tmp/letter $2" >&3
        for try in $(seq 300); do
            [ -s "/srv/abaca/mounts/$(place "$1" | sed 's|.*\\||')/$2" ] && return
            sleep 0.1
        done
        cat /tmp/said
        end "FAILED the client does not come in"
    }
    goes() {
        exec 3>&-
        wait
    }
    stays box before
    step "it is larger, for who is connected too" abaca share extend box --size 2
    same "its size in GiB" 2 "$(gib "$box")"
    echo "put /tmp/letter larger" >&3
    step "smaller, and who is connected is shut out" abaca share shrink box --size 1
    goes
    same "its size in GiB" 1 "$(gib "$box")"
    same "what the client wrote before" "$(ls "$box" | grep -v lost)" "$(printf 'before\nlarger\nletter')"
    step "she is let in again" as alice box "get letter /tmp/back"
    same "what is in it" "through the wire" "$(cat /tmp/back)"
    refused "and he may not write" "NT_STATUS_ACCESS_DENIED\|MEDIA_WRITE_PROTECTED" as bob box "put /tmp/letter more"
    step "she is shut out" abaca access deny box user alice
    refused "she is not let in" NT_STATUS_ACCESS_DENIED as alice box ls
    stays again before
    step "it is removed, and who is connected is shut out" abaca share delete again
    goes
    step "the other too" abaca share delete box
    same "what is left of definitions" "" "$(ls /srv/smb/definitions)"
    same "what is left of the registry" "" "$(net -s $conf conf listshares)"
    same "what is left of the group" 0 "$(lvs --noheadings lvm-shares | wc -l)"
    same "what is left of the mounts" 0 "$(ls mounts | wc -l)"
    step "all is as it is recorded" abaca backend reconcile
    echo "AUDIT CIFS BEGINS"
    gzip -9 -c state/lvm/audit.jsonl | base64
    echo "AUDIT CIFS ENDS"
fi
end "ALL STEPS DONE after $(now) s"
