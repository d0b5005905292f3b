# Sourced by the scripts that build images: a private buildah store, and base images made from Debian packages.
# shellcheck shell=bash

# Runs buildah on the private store below $STORE. Steps run in a plain chroot, so neither a daemon nor namespaces are needed.
store_buildah() {
    BUILDAH_ISOLATION=chroot buildah --storage-driver "$STORE_DRIVER" --root "$STORE/root" --runroot "$STORE/run" "$@"
}

# Opens a store in directory $1: overlay where the kernel gives it, the slow but undemanding vfs elsewhere.
store_open() {
    STORE=$1
    mkdir -p "$STORE"
    if [ -z "${STORE_DRIVER:-}" ]; then
        STORE_DRIVER=vfs
        local probe
        probe=$(mktemp -d "$STORE/probe.XXXXXX")
        mkdir "$probe"/{lower,upper,work,merged}
        if mount -t overlay overlay -o "lowerdir=$probe/lower,upperdir=$probe/upper,workdir=$probe/work" "$probe/merged" 2>/dev/null; then
            umount "$probe/merged"
            STORE_DRIVER=overlay
        fi
        rm -rf "$probe"
    fi
    export STORE STORE_DRIVER
}

# Removes all images and containers of the store. Root file systems that store_debian made stay: images are soon built from them again.
store_empty() {
    store_buildah rm --all >/dev/null 2>&1 || true
    store_buildah rmi --all --force >/dev/null 2>&1 || true
}

# Removes everything that the store holds.
store_drop() {
    store_empty
    rm -rf "$STORE"
}

# Makes a minimal Debian root file system: store_debian FILE.tar PACKAGES [mmdebstrap options…]
store_debian() {
    local tar=$1 packages=$2
    shift 2
    [ -s "$tar" ] && return
    # As official images do: apt keeps neither archives nor its binary caches, which would be 40 MB in every layer.
    local clean='Dir::Cache::pkgcache ""; Dir::Cache::srcpkgcache ""; Acquire::Languages "none"; '
    clean+='DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb /var/cache/apt/*.bin"; };'
    SOURCE_DATE_EPOCH=1735689600 mmdebstrap --quiet --mode=root --format=tar --variant=minbase --include="$packages" \
        --aptopt='Dir::Cache::pkgcache ""' --aptopt='Dir::Cache::srcpkgcache ""' \
        --customize-hook="printf '%s\n' '$clean' >\"\$1/etc/apt/apt.conf.d/clean\"" "$@" bookworm "$tar.part"
    mv "$tar.part" "$tar"
}
