#include "server/driver/replace_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdlib>

namespace larder::server {

namespace {

constexpr mode_t kNewFileMode = 0644;

// Writes everything and forces it to disk; returns 0 or -errno.
int write_durably(int file, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(file, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return -errno;
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return fsync(file) == 0 ? 0 : -errno;
}

int write_temporary(const std::string& temporary, const std::string& target,
                    std::string_view bytes) {
  // The file may hold a password: it must not become more readable than it was, at no moment.
  struct stat old {};
  const bool replaces = stat(target.c_str(), &old) == 0;
  const mode_t mode = replaces ? old.st_mode & 0777 : kNewFileMode;
  const int file =
      open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
  if (file < 0) return -errno;
  int result = 0;
  if (replaces && fchmod(file, mode) != 0) result = -errno;  // what the umask took away
  if (result == 0) result = write_durably(file, bytes);
  if (close(file) != 0 && result == 0) result = -errno;
  return result;
}

// A rename is lost in a crash unless its folder reached the disk.
int sync_folder(const std::string& path) {
  const size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const int handle = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (handle < 0) return -errno;
  const int result = fsync(handle) == 0 ? 0 : -errno;
  close(handle);
  return result;
}

}  // namespace

int replace_file(const std::string& path, std::string_view bytes) {
  char resolved[PATH_MAX];
  const std::string target = realpath(path.c_str(), resolved) != nullptr ? resolved : path;
  const std::string temporary = target + ".tmp-" + std::to_string(getpid());
  int result = write_temporary(temporary, target, bytes);
  if (result == 0 && rename(temporary.c_str(), target.c_str()) != 0) result = -errno;
  if (result != 0) {
    unlink(temporary.c_str());
    return result;
  }
  return sync_folder(target);
}

}  // namespace larder::server
