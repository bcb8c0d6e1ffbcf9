"""Public recordings and weights: fetched, resumed, checked and unpacked."""

from movrecon_core.fetch.archives import Archive, Archives, RemoteFile, load_archives
from movrecon_core.fetch.download import Checksums, download, remote_size
from movrecon_core.fetch.fetch import fetch
from movrecon_core.fetch.masks import published_mask
from movrecon_core.fetch.unpack import unpack_recording

__all__ = [
    "Archive",
    "Archives",
    "Checksums",
    "RemoteFile",
    "download",
    "fetch",
    "load_archives",
    "published_mask",
    "remote_size",
    "unpack_recording",
]
