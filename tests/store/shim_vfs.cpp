#include "store/shim_vfs.hpp"

#include <sqlite3.h>

#include <new>

namespace stepcast::store::test {
namespace {

using Call = ShimVfs::Call;

ShimVfs::Fault fault;
sqlite3_vfs* real = nullptr;
sqlite3_vfs shim{};

int ask(Call call) {
    return fault ? fault(call) : SQLITE_OK;
}

// The real file follows this one in the memory that SQLite gave.
struct File : sqlite3_file {
    sqlite3_file* inner() { return reinterpret_cast<sqlite3_file*>(this + 1); }
};

sqlite3_file* inner(sqlite3_file* file) {
    return static_cast<File*>(file)->inner();
}

template <class Work>
int guarded(Call call, Work work) {
    const int code = ask(call);
    return code == SQLITE_OK ? work() : code;
}

const sqlite3_io_methods methods{
    3,
    [](sqlite3_file* f) { return inner(f)->pMethods->xClose(inner(f)); },
    [](sqlite3_file* f, void* to, int size, sqlite3_int64 at) {
        return guarded(Call::read, [&] { return inner(f)->pMethods->xRead(inner(f), to, size, at); });
    },
    [](sqlite3_file* f, const void* from, int size, sqlite3_int64 at) {
        return guarded(Call::write, [&] { return inner(f)->pMethods->xWrite(inner(f), from, size, at); });
    },
    [](sqlite3_file* f, sqlite3_int64 size) {
        return guarded(Call::truncate, [&] { return inner(f)->pMethods->xTruncate(inner(f), size); });
    },
    [](sqlite3_file* f, int flags) {
        return guarded(Call::sync, [&] { return inner(f)->pMethods->xSync(inner(f), flags); });
    },
    [](sqlite3_file* f, sqlite3_int64* size) { return inner(f)->pMethods->xFileSize(inner(f), size); },
    [](sqlite3_file* f, int kind) {
        return guarded(Call::lock, [&] { return inner(f)->pMethods->xLock(inner(f), kind); });
    },
    [](sqlite3_file* f, int kind) { return inner(f)->pMethods->xUnlock(inner(f), kind); },
    [](sqlite3_file* f, int* held) { return inner(f)->pMethods->xCheckReservedLock(inner(f), held); },
    [](sqlite3_file* f, int op, void* arg) { return inner(f)->pMethods->xFileControl(inner(f), op, arg); },
    [](sqlite3_file* f) { return inner(f)->pMethods->xSectorSize(inner(f)); },
    [](sqlite3_file* f) { return inner(f)->pMethods->xDeviceCharacteristics(inner(f)); },
    [](sqlite3_file* f, int page, int size, int extend, void volatile** out) {
        return inner(f)->pMethods->xShmMap(inner(f), page, size, extend, out);
    },
    [](sqlite3_file* f, int offset, int n, int flags) {
        const auto work = [&] { return inner(f)->pMethods->xShmLock(inner(f), offset, n, flags); };
        return (flags & SQLITE_SHM_LOCK) != 0 ? guarded(Call::lock, work)
                                              : work();  // nothing refuses an unlock
    },
    [](sqlite3_file* f) { inner(f)->pMethods->xShmBarrier(inner(f)); },
    [](sqlite3_file* f, int remove) { return inner(f)->pMethods->xShmUnmap(inner(f), remove); },
    [](sqlite3_file* f, sqlite3_int64 at, int size, void** out) {
        return inner(f)->pMethods->xFetch(inner(f), at, size, out);
    },
    [](sqlite3_file* f, sqlite3_int64 at, void* page) {
        return inner(f)->pMethods->xUnfetch(inner(f), at, page);
    },
};

int open(sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* out) {
    auto* made = new (file) File{};
    made->pMethods = nullptr;
    if (const int code = ask(Call::open); code != SQLITE_OK) return code;
    const int code = real->xOpen(real, name, made->inner(), flags, out);
    if (made->inner()->pMethods != nullptr) made->pMethods = &methods;
    return code;
}

}  // namespace

ShimVfs::ShimVfs(Fault with) {
    real = sqlite3_vfs_find("unix");
    shim = *real;
    shim.zName = "shim";
    shim.szOsFile = static_cast<int>(sizeof(File)) + real->szOsFile;
    shim.xOpen = open;
    shim.xDelete = [](sqlite3_vfs*, const char* name, int sync) {
        return guarded(Call::remove, [&] { return real->xDelete(real, name, sync); });
    };
    fault = std::move(with);
    sqlite3_vfs_register(&shim, 1);
}

ShimVfs::~ShimVfs() {
    sqlite3_vfs_unregister(&shim);
    sqlite3_vfs_register(real, 1);
    fault = nullptr;
}

}  // namespace stepcast::store::test
