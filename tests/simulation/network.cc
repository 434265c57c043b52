#include "tests/simulation/network.h"

#include <algorithm>

#include "tests/simulation/failure.h"

namespace larder::simulation {

size_t ClientEnd::write(std::string_view bytes) {
  if (!can_write()) return 0;
  const size_t taken = std::min(bytes.size(), socket_->to_server.room());
  socket_->to_server.append(bytes.substr(0, taken));
  return taken;
}

bool ClientEnd::can_write() const {
  return !socket_->server_closed && !socket_->client_finished && !socket_->was_reset &&
         socket_->to_server.room() > 0;
}

bool ClientEnd::read(size_t limit, std::string& out) {
  const std::string_view bytes = socket_->to_client.view().substr(0, limit);
  out += bytes;
  socket_->to_client.consume(bytes.size());
  return !bytes.empty() || !(socket_->server_closed && socket_->to_client.empty());
}

void ClientEnd::close() {
  socket_->client_finished = true;
  socket_->client_gone = true;
}

void ClientEnd::reset() {
  close();
  socket_->was_reset = true;
  socket_->to_server.clear();
}

std::unique_ptr<ClientEnd> Network::connect(size_t to_server_bytes, size_t to_client_bytes) {
  if (!is_listening_) return nullptr;
  auto socket = std::make_shared<Socket>(to_server_bytes, to_client_bytes);
  socket->handle = next_handle_++;
  socket->addresses = {"127.0.0.1:" + std::to_string(20000 + socket->handle), "127.0.0.1:6379"};
  backlog_.push_back(socket);
  return std::make_unique<ClientEnd>(std::move(socket));
}

void Network::stop_listening() {
  is_listening_ = false;
  for (const std::shared_ptr<Socket>& socket : backlog_) socket->server_closed = true;
  backlog_.clear();
}

std::shared_ptr<Socket> Network::accept() {
  std::shared_ptr<Socket> socket = backlog_.front();
  backlog_.pop_front();
  accepted_.emplace(socket->handle, socket);
  return socket;
}

std::shared_ptr<Socket> Network::find(server::SocketHandle handle) const {
  const auto found = accepted_.find(handle);
  check(found != accepted_.end(), "the server named a socket that it does not own");
  return found->second;
}

}  // namespace larder::simulation
