// The dispatcher's part in client-side caching: what a client has read is remembered at the end of
// its command, transaction or script.
#include "server/dispatcher.h"
#include "server/node.h"

namespace larder::server {

void Dispatcher::look_at_tracking() {
  const uint32_t tracked = node_.tracking().is_used() ? CommandEnvironment::kTrackedEvents : 0;
  environment_.wanted_events = published_events_ | tracked;
}

void Dispatcher::note_reads(const Session& session, const CommandRow& row,
                            std::span<const Key> keys) {
  if (!row.has_flag(kReadonly) || !session.tracking->remembers_reads()) return;
  reads_.insert(reads_.end(), keys.begin(), keys.end());
}

// What is in the box now concerns states before this command, and comes before its reply; what
// cancels the memory of these reads comes after it.
void Dispatcher::finish_reads(const Session& session) {
  MessageBox& box = node_.channels().box(worker_index_);
  if (box.has_mail()) earlier_lost_ = box.take(earlier_) || earlier_lost_;
  for (const Key& key : reads_) {
    node_.tracking().remember(key.text, {worker_index_, session.id});
  }
  environment_.posted = true;  // others may have to hear that the table is full
  if (reads_.capacity() > kMostKeptKeys) std::vector<Key>().swap(reads_);
  reads_.clear();
}

}  // namespace larder::server
