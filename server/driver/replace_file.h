// replace_file: writes a file so that after a crash either the old or the new content is there.
#pragma once

#include <string>
#include <string_view>

namespace larder::server {

// Writes `<path>.tmp-<pid>`, forces it to disk, renames it into place, forces the folder to disk.
// Keeps the permissions of the file that is replaced; follows a symbolic link. Blocks the calling
// thread, milliseconds to seconds: for rare requests such as CONFIG REWRITE. Returns 0 or -errno;
// on failure the old file is untouched and the temporary one removed.
[[nodiscard]] int replace_file(const std::string& path, std::string_view bytes);

}  // namespace larder::server
