#include "tests/simulation/client.h"

#include <algorithm>

#include "tests/simulation/failure.h"
#include "tests/transcripts/runner/player.h"

namespace larder::simulation {

using transcripts::ReadResult;
using transcripts::ReadStatus;

namespace {
constexpr std::string_view kRefusal = "ERR max number of clients";
}  // namespace

Client::Client(std::string name, Network& network, const SimClock& clock, Random random,
               std::unique_ptr<Workload> workload, const bool& may_be_closed)
    : name_(std::move(name)),
      network_(network),
      clock_(clock),
      random_(random),
      workload_(std::move(workload)),
      may_be_closed_(may_be_closed) {}

void Client::connect(const ClientManners& manners) {
  end_ = network_.connect(manners.to_server_bytes, manners.to_client_bytes);
  is_finishing_ = has_finished_ = may_end_ = has_heard_ = false;
}

void Client::request(const Words& words, ReplyCheck check) {
  request_raw(transcripts::encode_request(words), std::move(check));
}

void Client::request_raw(std::string_view bytes, ReplyCheck check) {
  const int64_t now_ms = clock_.unix_ms();
  expected_.push_back({std::string(bytes.substr(0, 120)), std::move(check), {now_ms, now_ms}});
  outbox_ += bytes;
}

void Client::send_unanswered(const Words& words) {
  outbox_ += transcripts::encode_request(words);
}

void Client::note_time() {
  const int64_t now_ms = clock_.unix_ms();
  for (Expected& expected : expected_) {
    expected.range.min_ms = std::min(expected.range.min_ms, now_ms);
    expected.range.max_ms = std::max(expected.range.max_ms, now_ms);
  }
}

void Client::act(const ClientManners& manners) {
  if (end_ == nullptr) {
    if (random_.chance(200)) connect(manners);
    return;
  }
  if (random_.chance(manners.reset)) {
    end_->reset();
    return end();
  }
  if (random_.chance(manners.close)) return leave();
  if (random_.chance(manners.finish)) is_finishing_ = true;
  if (!is_finishing_ && !may_end_ && expected_.size() < manners.max_unanswered) {
    const size_t count = random_.size_up_to(random_.chance(200) ? 40 : 3);
    for (size_t i = 0; i < count && !may_end_; ++i) workload_->speak(*this);
  }
  write_some(random_.chance(manners.split_write) ? random_.size_up_to(2000) : SIZE_MAX);
  if (random_.chance(manners.read)) {
    read_some(random_.chance(manners.small_read) ? random_.size_up_to(200) : 1 << 20);
  }
}

bool Client::drain() {
  if (end_ == nullptr) return false;
  const bool moves = (written_ < outbox_.size() && end_->can_write()) || end_->can_read();
  write_some(SIZE_MAX);
  if (end_->can_read()) read_some(1 << 20);
  return moves;
}

void Client::write_some(size_t most) {
  const std::string_view rest = std::string_view(outbox_).substr(written_, most);
  written_ += end_->write(rest);
  if (written_ == outbox_.size()) {
    outbox_.clear();
    written_ = 0;
  }
  if (is_finishing_ && outbox_.empty() && !has_finished_) {
    has_finished_ = true;
    end_->finish();
  }
}

void Client::read_some(size_t most) {
  const size_t before = inbox_.size();
  const bool goes_on = end_->read(most, inbox_);
  for (const char byte : std::string_view(inbox_).substr(before)) {
    digest_ = digest_ * 1099511628211ULL + static_cast<uint8_t>(byte);
  }
  take_replies();
  if (!goes_on) on_server_closed();
}

void Client::take_replies() {
  size_t taken = 0;
  Value value;
  while (taken < inbox_.size()) {
    const ReadResult read = transcripts::read_value(std::string_view(inbox_).substr(taken), value);
    if (read.status == ReadStatus::incomplete) break;
    check(read.status == ReadStatus::complete,
          name_ + ": not RESP: " + read.reason + " in " +
              transcripts::quote(std::string_view(inbox_).substr(taken, 200)));
    const bool is_refusal = !has_heard_ && may_be_closed_ && value.text.starts_with(kRefusal);
    has_heard_ = true;
    if (is_refusal) {
      taken = inbox_.size();
      break;  // the end follows
    }
    if (value.kind == transcripts::ValueKind::push && workload_->on_push(value)) {
      taken += read.size;
      continue;
    }
    check(!expected_.empty(),
          name_ + ": a reply that nobody asked for: " + transcripts::render(value).substr(0, 200));
    taken += read.size;
    ++replies_;
    const Expected expected = std::move(expected_.front());
    expected_.pop_front();
    const std::string wrong = expected.check(value, expected.range);
    check(wrong.empty(), name_ + " (" + workload_->name() + "): " + wrong + "\n  request " +
                             transcripts::quote(expected.request) + "\n  reply " +
                             transcripts::render(value).substr(0, 300));
  }
  inbox_.erase(0, taken);
}

void Client::on_server_closed() {
  const bool is_left = has_finished_ && workload_->is_waiting();
  const bool is_expected =
      may_be_closed_ || is_left || ((has_finished_ || may_end_) && expected_.empty());
  check(is_expected, name_ + ": the server closed the connection with " +
                         std::to_string(expected_.size()) + " requests unanswered");
  check(may_be_closed_ || is_left || inbox_.empty(), name_ + ": the last reply is torn");
  end();
}

void Client::leave() {
  if (end_ == nullptr) return;
  end_->close();
  end();
}

void Client::end() {
  end_.reset();
  workload_->lost(expected_.size());
  outbox_.clear();
  written_ = 0;
  inbox_.clear();
  expected_.clear();
}

std::string Client::describe() const {
  std::string text = name_ + ": ";
  if (end_ == nullptr) return text + "not connected";
  text += std::to_string(expected_.size()) + " unanswered, " +
          std::to_string(outbox_.size() - written_) + " bytes to write";
  if (!expected_.empty()) text += ", first " + transcripts::quote(expected_.front().request);
  return text;
}

}  // namespace larder::simulation
