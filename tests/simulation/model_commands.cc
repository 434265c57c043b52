// The commands of the model: what is drawn, and as which words it is sent.
#include "storage/rdb/dump.h"
#include "tests/simulation/model.h"
#include "tests/simulation/model_lists.h"

namespace larder::simulation {
namespace {

constexpr Verb kListVerbs[] = {
    Verb::lpush,        Verb::lpush, Verb::rpush,  Verb::rpush, Verb::lpushx,       Verb::rpushx,
    Verb::lpop,         Verb::rpop,  Verb::llen,   Verb::lset,  Verb::lpop_several, Verb::lrange,
    Verb::rpop_several, Verb::lrem,  Verb::lindex, Verb::ltrim, Verb::linsert,      Verb::lpos,
    Verb::rpoplpush,    Verb::lmpop, Verb::lmove_to_back,
};
constexpr Verb kVerbs[] = {
    Verb::set,      Verb::set,    Verb::set,         Verb::setnx,          Verb::psetex,
    Verb::get,      Verb::get,    Verb::getset,      Verb::getdel,         Verb::getex,
    Verb::strlen,   Verb::exists, Verb::type,        Verb::append,         Verb::setrange,
    Verb::getrange, Verb::setbit, Verb::getbit,      Verb::delifeq,        Verb::del,
    Verb::unlink,   Verb::incrby, Verb::decr,        Verb::pexpire,        Verb::expire,
    Verb::persist,  Verb::pttl,   Verb::pexpiretime, Verb::pexpireat_past, Verb::mset_one,
    Verb::mget_one, Verb::dump,   Verb::restore,     Verb::increx,         Verb::increx,
    Verb::restore_list,
};

std::string random_text(Random& random) {
  switch (random.below(8)) {
    case 0:
      return std::to_string(random.between(-1000, 1000));
    case 1:
      return std::to_string(static_cast<int64_t>(random.next()));
    case 2:
      return std::string(random.size_up_to(100'000), static_cast<char>('a' + random.below(26)));
    case 3:
      return std::string("\r\n$-1\r\n\0+OK\r\n", 13);
    default: {
      std::string text;
      for (size_t i = random.size_up_to(60); i > 0; --i) {
        text += static_cast<char>(random.below(256));
      }
      return text;
    }
  }
}

void add_set_words(const ModelCommand& command, Words& words) {
  if (command.if_absent) words.push_back("NX");
  if (command.if_present) words.push_back("XX");
  if (command.get) words.push_back("GET");
  if (command.keeps_deadline) words.push_back("KEEPTTL");
  if (command.has_lifetime) {
    words.push_back("PX");
    words.push_back(std::to_string(command.number));
  }
}

void add_increx_words(const ModelCommand& command, Words& words) {
  words.insert(words.end(),
               {"BYINT", std::to_string(command.second_number), "LBOUND",
                std::to_string(kLowestCount), "UBOUND", std::to_string(kHighestCount)});
  if (command.saturates) words.push_back("SATURATE");
  if (command.persists) words.push_back("PERSIST");
  if (command.has_lifetime) words.insert(words.end(), {"PX", std::to_string(command.number)});
  if (command.keeps_deadline) words.push_back("ENX");
  if (command.if_absent) words.push_back("NX");
  if (command.if_present) words.push_back("XX");
}

std::string name_of(Verb verb) {
  switch (verb) {
    case Verb::set:
      return "SET";
    case Verb::setnx:
      return "SETNX";
    case Verb::psetex:
      return "PSETEX";
    case Verb::get:
      return "GET";
    case Verb::getset:
      return "GETSET";
    case Verb::getdel:
      return "GETDEL";
    case Verb::getex:
      return "GETEX";
    case Verb::strlen:
      return "STRLEN";
    case Verb::exists:
      return "EXISTS";
    case Verb::type:
      return "TYPE";
    case Verb::append:
      return "APPEND";
    case Verb::setrange:
      return "SETRANGE";
    case Verb::getrange:
      return "GETRANGE";
    case Verb::setbit:
      return "SETBIT";
    case Verb::getbit:
      return "GETBIT";
    case Verb::delifeq:
      return "DELIFEQ";
    case Verb::del:
      return "DEL";
    case Verb::unlink:
      return "UNLINK";
    case Verb::incrby:
      return "INCRBY";
    case Verb::decr:
      return "DECR";
    case Verb::increx:
      return "INCREX";
    case Verb::pexpire:
      return "PEXPIRE";
    case Verb::pexpireat_past:
      return "PEXPIREAT";
    case Verb::expire:
      return "EXPIRE";
    case Verb::persist:
      return "PERSIST";
    case Verb::pttl:
      return "PTTL";
    case Verb::pexpiretime:
      return "PEXPIRETIME";
    case Verb::mset_one:
      return "MSET";
    case Verb::mget_one:
      return "MGET";
    case Verb::dump:
      return "DUMP";
    case Verb::restore:
    case Verb::restore_list:
      return "RESTORE";
    case Verb::lpush:
      return "LPUSH";
    case Verb::rpush:
      return "RPUSH";
    case Verb::lpushx:
      return "LPUSHX";
    case Verb::rpushx:
      return "RPUSHX";
    case Verb::lpop:
    case Verb::lpop_several:
      return "LPOP";
    case Verb::rpop:
    case Verb::rpop_several:
      return "RPOP";
    case Verb::llen:
      return "LLEN";
    case Verb::lindex:
      return "LINDEX";
    case Verb::lset:
      return "LSET";
    case Verb::lrange:
      return "LRANGE";
    case Verb::ltrim:
      return "LTRIM";
    case Verb::lrem:
      return "LREM";
    case Verb::linsert:
      return "LINSERT";
    case Verb::lpos:
      return "LPOS";
    case Verb::lmove_to_back:
      return "LMOVE";
    case Verb::rpoplpush:
      return "RPOPLPUSH";
    case Verb::lmpop:
      return "LMPOP";
  }
  return {};
}

}  // namespace

Words ModelCommand::words() const {
  Words words{name_of(verb), key};
  if (verb == Verb::lmpop) words.insert(words.begin() + 1, "1");
  if (is_of_lists(verb)) {
    const Words more = list_words(*this);
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }
  switch (verb) {
    case Verb::set:
      words.push_back(text);
      add_set_words(*this, words);
      break;
    case Verb::psetex:
      words.push_back(std::to_string(number));
      words.push_back(text);
      break;
    case Verb::setnx:
    case Verb::getset:
    case Verb::append:
    case Verb::mset_one:
    case Verb::delifeq:
      words.push_back(text);
      break;
    case Verb::increx:
      add_increx_words(*this, words);
      break;
    case Verb::setrange:
      words.push_back(std::to_string(number));
      words.push_back(text);
      break;
    case Verb::restore:
    case Verb::restore_list:
      words.push_back(has_lifetime ? std::to_string(number) : "0");
      words.push_back(verb == Verb::restore ? storage::rdb::dump_string(text) : dump_of(elements));
      if (!if_absent) words.push_back("REPLACE");
      break;
    case Verb::getrange:
    case Verb::setbit:
      words.push_back(std::to_string(number));
      words.push_back(std::to_string(second_number));
      break;
    case Verb::getbit:
      words.push_back(std::to_string(number));
      break;
    case Verb::incrby:
      words.push_back(std::to_string(number));
      break;
    case Verb::pexpire:
    case Verb::expire:
    case Verb::pexpireat_past:
      words.push_back(std::to_string(number));
      if (if_absent) words.push_back("NX");
      if (if_present) words.push_back("XX");
      break;
    case Verb::getex:
      if (persists) words.push_back("PERSIST");
      if (has_lifetime) {
        words.push_back("PX");
        words.push_back(std::to_string(number));
      }
      break;
    default:
      break;
  }
  return words;
}

uint64_t ModelCommand::grows_to() const {
  switch (verb) {
    case Verb::setrange:
      return text.empty() ? 0 : static_cast<uint64_t>(number) + text.size();
    case Verb::setbit:
      return static_cast<uint64_t>(number) / 8 + 1;
    case Verb::restore:
      return text.size();
    case Verb::restore_list: {
      // Packed, an element takes up to eleven bytes more, and the allocator rounds by a quarter.
      uint64_t bytes = 0;
      for (const std::string& element : elements) bytes += element.size() + 11;
      return bytes + bytes / 4 + 64;
    }
    default:
      return 0;
  }
}

bool ModelCommand::is_definite() const {
  switch (verb) {
    case Verb::set:
      return !if_absent && !if_present && !keeps_deadline;
    case Verb::restore:
    case Verb::restore_list:
      return !if_absent;
    case Verb::psetex:
    case Verb::getset:
    case Verb::getdel:
    case Verb::del:
    case Verb::unlink:
    case Verb::mset_one:
      return true;
    default:
      return false;
  }
}

bool ModelCommand::refuses(const KeyState& state) const {
  if (!state.is_present) return false;
  if (is_of_lists(verb)) return !state.is_list();
  if (!state.is_list()) return false;
  switch (verb) {
    case Verb::set:
      return get;
    case Verb::get:
    case Verb::getset:
    case Verb::getdel:
    case Verb::getex:
    case Verb::strlen:
    case Verb::append:
    case Verb::setrange:
    case Verb::getrange:
    case Verb::setbit:
    case Verb::getbit:
    case Verb::delifeq:
    case Verb::incrby:
    case Verb::decr:
      return true;
    default:
      return false;
  }
}

ModelCommand random_command(Random& random, std::string key, bool prefers_lists) {
  ModelCommand command;
  command.key = std::move(key);
  if (random.chance(prefers_lists ? 900 : 30)) {
    command.verb = kListVerbs[random.below(std::size(kListVerbs))];
    draw_list_command(random, command);
    return command;
  }
  command.verb = kVerbs[random.below(std::size(kVerbs))];
  command.text = random_text(random);
  switch (command.verb) {
    case Verb::set:
      command.if_absent = random.chance(150);
      command.if_present = !command.if_absent && random.chance(150);
      command.get = random.chance(250);
      command.has_lifetime = random.chance(400);
      command.keeps_deadline = !command.has_lifetime && random.chance(300);
      command.number = static_cast<int64_t>(random.size_up_to(3000));
      break;
    case Verb::restore_list:
      draw_list_command(random, command);
      [[fallthrough]];
    case Verb::restore:
      command.if_absent = random.chance(300);
      command.has_lifetime = random.chance(400);
      command.number = 1 + static_cast<int64_t>(random.size_up_to(3000));
      break;
    case Verb::setrange:
      command.number = static_cast<int64_t>(random.size_up_to(300)) - 1;
      break;
    case Verb::setbit:
      command.number = static_cast<int64_t>(random.size_up_to(3000));
      command.second_number = random.between(0, 1);
      break;
    case Verb::getbit:
      command.number = static_cast<int64_t>(random.size_up_to(3000));
      break;
    case Verb::delifeq:
      // Such as counters and others often hold.
      if (random.chance(700)) command.text = std::to_string(random.between(-100, 100));
      break;
    case Verb::getrange:
      command.number = random.between(-50, 50);
      command.second_number = random.between(-50, 50);
      // Redis answers nothing when both count from the end and stand the wrong way round.
      if (command.number < 0 && command.second_number < 0 &&
          command.number > command.second_number) {
        std::swap(command.number, command.second_number);
      }
      break;
    case Verb::increx:
      command.second_number = random.between(-40, 40);
      command.saturates = random.chance(500);
      command.persists = random.chance(200);
      command.has_lifetime = !command.persists && random.chance(500);
      command.keeps_deadline = command.has_lifetime && random.chance(500);
      command.number = static_cast<int64_t>(random.size_up_to(3000));
      command.if_absent = random.chance(150);
      command.if_present = !command.if_absent && random.chance(150);
      break;
    case Verb::incrby:
      command.number = random.between(-100, 100);
      break;
    case Verb::expire:
      command.number = random.between(1, 3);
      command.if_absent = random.chance(200);
      command.if_present = !command.if_absent && random.chance(200);
      break;
    case Verb::pexpire:
      command.number = static_cast<int64_t>(random.size_up_to(3000));
      command.if_absent = random.chance(200);
      command.if_present = !command.if_absent && random.chance(200);
      break;
    case Verb::pexpireat_past:
      command.number = random.between(0, 1'000'000);
      break;
    case Verb::psetex:
      command.number = static_cast<int64_t>(random.size_up_to(3000));
      break;
    case Verb::getex:
      command.persists = random.chance(300);
      command.has_lifetime = !command.persists && random.chance(500);
      command.number = static_cast<int64_t>(random.size_up_to(3000));
      break;
    default:
      break;
  }
  return command;
}

}  // namespace larder::simulation
