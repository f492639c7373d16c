"""Prints what an image holds as facts, one JSON array of four strings a line: [section, subject, attribute, value].

  image_facts.py PLACE [REFERENCE-OR-DIGEST]

PLACE is an OCI layout (folder or tar), a docker archive (tar), a registry's copy made by skopeo `dir:`, or a
plain folder (a root file system). Sections: tree, config, history, layer. Written apart from tsbuild's own
reader, on Python's tarfile, so that a mistake would have to be made twice.
"""

import gzip, hashlib, io, json, os, shutil, stat, subprocess, sys, tarfile, tempfile

sys.stdout.reconfigure(encoding="ascii")


def fact(section, subject, attribute, value):
    print(json.dumps([section, subject, attribute, str(value)]))


def sha256(stream):
    digest, size = hashlib.sha256(), 0
    while chunk := stream.read(1 << 20):
        digest.update(chunk)
        size += len(chunk)
    return "sha256:" + digest.hexdigest(), size


class Node:
    """A file system object; names that share one Node are hard links of each other."""

    def __init__(self, kind, mode, owner, mtime, xattrs, **details):
        self.kind, self.mode, self.owner, self.mtime, self.xattrs = kind, mode, owner, mtime, xattrs
        self.details = {name: value for name, value in details.items() if value is not None}


def nanoseconds(text):
    whole, _, fraction = text.partition(".")
    value = abs(int(whole)) * 10**9 + int((fraction + "000000000")[:9])
    return -value if whole.startswith("-") else value


def clean(name):
    parts = [part for part in name.split("/") if part not in ("", ".")]
    assert ".." not in parts, name
    return "/".join(parts)


KINDS = {
    tarfile.REGTYPE: "file", tarfile.AREGTYPE: "file", tarfile.SYMTYPE: "symlink", tarfile.DIRTYPE: "directory",
    tarfile.CHRTYPE: "character device", tarfile.BLKTYPE: "block device", tarfile.FIFOTYPE: "fifo",
}


def raw_xattrs(archive_bytes_headers):
    prefix = "SCHILY.xattr."
    return {
        name[len(prefix):]: value.encode("utf-8", "surrogateescape").hex()
        for name, value in archive_bytes_headers.items()
        if name.startswith(prefix)
    }


class BinaryPaxTarInfo(tarfile.TarInfo):
    """Python decodes PAX values as UTF-8 strictly-or-fallback; surrogateescape keeps binary values."""

    def _decode_pax_field(self, value, encoding, fallback_encoding, fallback_errors):
        return value.decode("utf-8", "surrogateescape")


def node_of(archive, member):
    mtime = member.pax_headers.get("mtime")
    common = dict(
        mode=member.mode & 0o7777,
        owner=f"{member.uid}:{member.gid}",
        mtime=nanoseconds(mtime) if mtime is not None else int(member.mtime) * 10**9,
        xattrs=raw_xattrs(member.pax_headers),
    )
    kind = KINDS[member.type]
    if kind == "file":
        content, size = sha256(archive.extractfile(member))
        return Node(kind, content=content, size=size, **common)
    if kind == "symlink":
        return Node(kind, target=member.linkname, **common)
    if kind.endswith("device"):
        return Node(kind, device=f"{member.devmajor}:{member.devminor}", **common)
    return Node(kind, **common)


def remove(tree, path):
    for name in [name for name in tree if name == path or name.startswith(path + "/")]:
        del tree[name]


def apply_layer(tree, stream, index):
    """Whiteouts hide what lower layers hold, wherever in the archive they stand."""
    added, whiteouts, opaque = {}, [], []
    with tarfile.open(fileobj=stream, mode="r:", tarinfo=BinaryPaxTarInfo, encoding="utf-8", errors="surrogateescape") as archive:
        for member in archive:
            path = clean(member.name)
            folder, _, name = path.rpartition("/")
            if name == ".wh..wh..opq":
                opaque.append(folder)
            elif name.startswith(".wh."):
                whiteouts.append((folder + "/" if folder else "") + name[4:])
            elif member.islnk():
                target = clean(member.linkname)
                added[path] = added[target] if target in added else tree[target]
            else:
                added[path] = node_of(archive, member)
            fact("layer", str(index), path, "hard link" if member.islnk() else KINDS[member.type])
    for folder in opaque:
        for name in [name for name in tree if folder == "" or name.startswith(folder + "/")]:
            del tree[name]
    for path in whiteouts:
        remove(tree, path)
    for path, node in added.items():
        before = tree.get(path)
        if before is not None and (node.kind != "directory" or before.kind != "directory"):
            remove(tree, path)
        tree[path] = node


def print_tree(tree):
    names = {}
    for path, node in tree.items():
        names.setdefault(id(node), []).append(path)
    for path in sorted(tree):
        node = tree[path]
        fact("tree", path, "kind", node.kind)
        if node.kind != "symlink":
            fact("tree", path, "mode", format(node.mode, "04o"))
        fact("tree", path, "owner", node.owner)
        fact("tree", path, "mtime", node.mtime)
        for name, value in node.details.items():
            fact("tree", path, name, value)
        for name, value in sorted(node.xattrs.items()):
            fact("tree", path, "xattr " + name, value)
        if len(names[id(node)]) > 1:
            fact("tree", path, "links", " ".join(sorted(names[id(node)])))


def print_json(section, subject, value):
    """Absent, null and empty are one, as they are to Go's omitempty."""
    if isinstance(value, dict):
        for name in sorted(value):
            print_json(section, f"{subject}.{name}" if subject else name, value[name])
        if not value and subject.count(".") > 1:
            fact(section, subject, "", "{}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            print_json(section, f"{subject}[{index}]", item)
    elif value is not None:
        fact(section, subject, "", json.dumps(value))


def print_config(config):
    rest = {name: value for name, value in config.items() if name not in ("history", "rootfs", "created")}
    # Go's omitempty: members that say nothing are absent.
    rest["config"] = {name: value for name, value in (config.get("config") or {}).items() if value not in ("", False, 0)}
    print_json("config", "", rest)
    fact("config", "layers", "", len(config.get("rootfs", {}).get("diff_ids") or []))
    for index, entry in enumerate(config.get("history") or []):
        print_json("history", f"[{index}]", {name: value for name, value in entry.items() if name != "created"})


def decompress(stream):
    magic = stream.read(4)
    stream.seek(0)
    if magic[:2] == b"\x1f\x8b":
        return gzip.GzipFile(fileobj=stream)
    if magic == b"\x28\xb5\x2f\xfd":
        return io.BytesIO(subprocess.run(["zstd", "-dcq"], stdin=stream, stdout=subprocess.PIPE, check=True).stdout)
    return stream


def seekable(stream):
    """tarfile wants to seek; big layers go to disk."""
    spool = tempfile.SpooledTemporaryFile(max_size=64 << 20)
    shutil.copyfileobj(stream, spool, 1 << 20)
    spool.seek(0)
    return spool


def verified(opener, descriptor):
    with opener() as stream:
        digest, size = sha256(stream)
    assert digest == descriptor["digest"], f"digest of a blob: {digest} is not {descriptor['digest']}"
    assert size == descriptor["size"], f"size of blob {digest}: {size} is not {descriptor['size']}"


def print_layers(openers, diff_ids):
    tree = {}
    assert len(openers) == len(diff_ids), "as many layers as diff_ids"
    for index, (opener, diff_id) in enumerate(zip(openers, diff_ids)):
        with opener() as stream:
            plain = seekable(decompress(stream))
        digest, _ = sha256(plain)
        assert digest == diff_id, f"diff_id of layer {index}: {digest} is not {diff_id}"
        plain.seek(0)
        apply_layer(tree, plain, index)
    print_tree(tree)


def print_layout(read, wanted):
    """`read(name)` opens a file of an OCI layout."""

    def blob(descriptor):
        algorithm, hexadecimal = descriptor["digest"].split(":")
        return lambda: read(f"blobs/{algorithm}/{hexadecimal}")

    def load(descriptor):
        verified(blob(descriptor), descriptor)
        with blob(descriptor)() as stream:
            return json.load(stream)

    with read("index.json") as stream:
        manifests = json.load(stream)["manifests"]
    if wanted:
        names = ("org.opencontainers.image.ref.name", "io.containerd.image.name")
        manifests = [
            m for m in manifests
            if m["digest"] == wanted or any((m.get("annotations") or {}).get(n) == wanted for n in names)
        ]
    assert manifests, f"no image {wanted or ''} in this layout"
    manifest = load(manifests[0])
    while "manifests" in manifest:
        manifest = load(manifest["manifests"][0])
    config = load(manifest["config"])
    layers = manifest.get("layers") or []
    for layer in layers:
        verified(blob(layer), layer)
    print_config(config)
    print_layers([blob(layer) for layer in layers], config["rootfs"].get("diff_ids") or [])


def print_docker_archive(read):
    with read("manifest.json") as stream:
        entry = json.load(stream)[0]
    with read(entry["Config"]) as stream:
        config = json.load(stream)
    print_config(config)
    openers = [(lambda name=name: read(name)) for name in entry["Layers"] or []]
    print_layers(openers, config["rootfs"].get("diff_ids") or [])


def print_skopeo_dir(place):
    def blob(descriptor):
        return lambda: open(os.path.join(place, descriptor["digest"].split(":")[1]), "rb")

    with open(os.path.join(place, "manifest.json"), "rb") as stream:
        manifest = json.load(stream)
    for descriptor in [manifest["config"], *manifest["layers"]]:
        verified(blob(descriptor), descriptor)
    with blob(manifest["config"])() as stream:
        config = json.load(stream)
    print_config(config)
    print_layers([blob(layer) for layer in manifest["layers"]], config["rootfs"].get("diff_ids") or [])


def disk_node(path):
    info = os.lstat(path)
    xattrs = {name: os.getxattr(path, name, follow_symlinks=False).hex() for name in os.listxattr(path, follow_symlinks=False)}
    common = dict(mode=stat.S_IMODE(info.st_mode), owner=f"{info.st_uid}:{info.st_gid}", mtime=info.st_mtime_ns, xattrs=xattrs)
    kind = stat.S_IFMT(info.st_mode)
    if kind == stat.S_IFREG:
        with open(path, "rb") as stream:
            content, size = sha256(stream)
        return info, Node("file", content=content, size=size, **common)
    if kind == stat.S_IFLNK:
        return info, Node("symlink", target=os.readlink(path), **common)
    if kind in (stat.S_IFCHR, stat.S_IFBLK):
        name = "character device" if kind == stat.S_IFCHR else "block device"
        return info, Node(name, device=f"{os.major(info.st_rdev)}:{os.minor(info.st_rdev)}", **common)
    return info, Node({stat.S_IFDIR: "directory", stat.S_IFIFO: "fifo"}.get(kind, "socket"), **common)


def print_folder(place):
    tree, inodes = {}, {}
    for folder, folders, files in os.walk(place):
        for name in [*folders, *files]:
            path = os.path.join(folder, name)
            info, node = disk_node(path)
            key = (info.st_dev, info.st_ino)
            if info.st_nlink > 1 and node.kind != "directory":
                node = inodes.setdefault(key, node)
            tree[os.path.relpath(path, place)] = node
    print_tree(tree)


def main(place, wanted=None):
    if os.path.isdir(place):
        if os.path.exists(os.path.join(place, "oci-layout")):
            print_layout(lambda name: open(os.path.join(place, name), "rb"), wanted)
        elif os.path.exists(os.path.join(place, "version")) and os.path.exists(os.path.join(place, "manifest.json")):
            print_skopeo_dir(place)
        else:
            print_folder(place)
        return
    with tarfile.open(place) as archive:
        names = {clean(member.name): member for member in archive}
        read = lambda name: archive.extractfile(names[clean(name)])
        if "oci-layout" in names and "index.json" in names:
            print_layout(read, wanted)
        else:
            print_docker_archive(read)


main(*sys.argv[1:])
