# frozen_string_literal: true

# Sidekiq: what a web process pushes, what a Sidekiq process does with it, and what the Web UI shows.

require_relative "checks"
ENV["LARDER_PORT"] = PORT.to_s
require_relative "sidekiq_jobs"
require "sidekiq/api"

# A Sidekiq process, which ends with this one.
class Worker
  attr_reader :pid

  def initialize(log, *arguments)
    jobs = File.join(__dir__, "sidekiq_jobs.rb")
    @pid = spawn("setpriv", "--pdeathsig", "KILL", "sidekiq", "-r", jobs, *arguments, out: log, err: log)
  end

  def kill(signal)
    return unless @pid

    Process.kill(signal, @pid)
    _, status = Process.wait2(@pid)
    @pid = nil
    status.exitstatus
  end
end

def redis(&block)
  Sidekiq.redis(&block)
end

def words(key)
  redis { |r| r.lrange(key, 0, -1) }
end

# The entry of a job that failed once more than `count` times.
def failed(jid, count)
  wait_until("the retry") do
    job = Sidekiq::RetrySet.new.find_job(jid)
    job if job && job["retry_count"] == count
  end
end

log = $stderr.fileno
worker = nil
at_exit { worker&.kill("KILL") }

check "jobs are pushed, one by one and in bulk, and seen in their queues" do
  jid = Trail.perform_async("one", "hello", "wörld")
  many = Trail.perform_bulk((1..1500).map { |i| ["bulk", i] })
  Trail.set(queue: "low").perform_async("low", "x")
  equal(many.uniq.size, 1500)
  equal(Sidekiq::Queue.all.map { |q| [q.name, q.size] }.sort, [["default", 1501], ["low", 1]])
  queue = Sidekiq::Queue.new
  job = queue.find_job(jid)
  equal([job.klass, job.args, job.queue], ["Trail", ["one", "hello", "wörld"], "default"])
  equal(queue.map(&:jid).uniq.size, 1501, "jobs in the walk of a queue")
  equal(queue.first.jid, many.last, "the newest")
  equal(queue.latency.between?(0, 30), true, "seconds that the oldest waits")
  equal(Sidekiq::Stats.new.then { |s| [s.enqueued, s.queues] }, [1502, {"default" => 1501, "low" => 1}])
  equal([queue.find_job(many[7]).delete, queue.size], [true, 1500])
  equal([Sidekiq::Queue.new("low").clear, Sidekiq::Queue.new("low").size].last, 0)
end

check "a Sidekiq process does them, each once, in the order of arrival where one thread works" do
  worker = Worker.new(log, "-c", "1", "-q", "critical", "-q", "default", "-q", "low")
  wait_until("all jobs", 30) { redis { |r| r.llen("bulk") } == 1499 }
  equal(words("bulk").map(&:to_i), (1..1500).to_a - [8])
  equal(words("one"), ["hello wörld"])
  wait_until("no more jobs") { Sidekiq::Stats.new.enqueued.zero? }
  equal(worker.kill("TERM"), 0, "exit status")
  worker = Worker.new(log, "-c", "5", "-q", "critical,5", "-q", "default,1")
  wait_until("the process") { Sidekiq::ProcessSet.new.size == 1 }
  equal(Sidekiq::Stats.new.processed, 1500)
  equal(Sidekiq::Stats::History.new(2).processed.values.sum, 1500)
end

check "the process says who it is, and what it is doing" do
  process = Sidekiq::ProcessSet.new.first
  equal([process["pid"], process["concurrency"], process.queues.sort], [worker.pid, 5, %w[critical default]])
  3.times { Gate.perform_async("seen") }
  wait_until("three jobs at work") { redis { |r| r.get("seen:begun") } == "3" }
  work = wait_until("word of them", 20) { Sidekiq::WorkSet.new.to_a.then { |all| all if all.size == 3 } }
  equal(work.map { |_, _, what| what["queue"] }, ["critical"] * 3)
  equal(Sidekiq::Stats.new.then { |s| [s.processes_size, s.workers_size] }, [1, 3])
  redis { |r| r.set("seen:open", "yes") }
  wait_until("them to end") { redis { |r| r.get("seen:done") } == "3" }
end

check "a failing job goes to the retries, back when it is due, and does what it should in the end" do
  jid = Broken.perform_async("tries", 2)
  2.times do |count|
    entry = failed(jid, count)
    equal([entry["error_class"], entry["error_message"]], ["ArgumentError", "try #{count + 1}"])
    equal(entry.at > Time.now + 10, true, "a pause of at least 15 s")
    equal(entry.error_backtrace.size, 3)
    entry.reschedule(Time.now.to_f)
  end
  wait_until("the third try") { redis { |r| r.get("tries") } == "3" }
  wait_until("an end to the retries") { Sidekiq::RetrySet.new.size.zero? }
end

check "a job out of retries is dead, is told of, and can live again" do
  jid = Broken.perform_async("hopeless", 3)
  2.times { |count| failed(jid, count).add_to_queue }
  dead = wait_until("its death") { Sidekiq::DeadSet.new.find_job(jid) }
  equal([Sidekiq::DeadSet.new.size, Sidekiq::RetrySet.new.size], [1, 0])
  equal(words("deaths"), ["Broken try 3"])
  dead.retry
  wait_until("its next life") { redis { |r| r.get("hopeless") } == "4" }
  equal(Sidekiq::DeadSet.new.size, 0)
end

check "scheduled jobs run when they are due, not before; others are found, moved, put off, deleted" do
  asked = Time.now
  soon = Trail.perform_in(0.6, "due", "soon")
  later = Trail.perform_in(3600, "due", "later")
  tomorrow = Trail.perform_at(asked + 86_400, "due", "tomorrow")
  set = Sidekiq::ScheduledSet.new
  equal(set.sort_by(&:at).map(&:jid), [soon, later, tomorrow])
  equal(set.scan("*later*").map(&:jid), [later])
  wait_until("the first") { words("due") == ["soon"] }
  equal(Time.now - asked >= 0.6, true, "not before its time")
  set.find_job(later).add_to_queue
  wait_until("the second") { words("due") == %w[soon later] }
  equal([set.find_job(tomorrow).delete, set.size].last, 0)
  Trail.perform_bulk((1..300).map { |i| ["spread", i] }, batch_size: 100)
  Sidekiq::Client.push_bulk("class" => Trail, "args" => (301..400).map { |i| ["spread", i] }, "at" => asked.to_f + 1)
  wait_until("all 400") { redis { |r| r.llen("spread") } == 400 }
  equal(words("spread").map(&:to_i).sort, (1..400).to_a)
end

check "a quiet process takes no more; told to stop it gives back what it did not end" do
  process = Sidekiq::ProcessSet.new.first
  Gate.perform_async("left")
  wait_until("the job to begin") { redis { |r| r.get("left:begun") } == "1" }
  process.quiet!
  wait_until("word that it stops", 20) { Sidekiq::ProcessSet.new.first.stopping? }
  equal(Sidekiq::Stats.new.failed, 2 + 3)
  Trail.perform_async("quiet", "x")
  equal(worker.kill("KILL"), nil, "exit status of a killed process")
  equal([Sidekiq::Queue.new.size, Sidekiq::Queue.new("critical").size, words("quiet")], [1, 0, []])

  # One thread: another would wait in BRPOP for longer than "-t 1" and take what is given back.
  worker = Worker.new(log, "-c", "1", "-t", "1", "-q", "critical", "-q", "default")
  wait_until("the next process to do the rest") { words("quiet") == ["x"] }
  Gate.perform_async("given")
  wait_until("the job to begin") { redis { |r| r.get("given:begun") } == "1" }
  equal(worker.kill("TERM"), 0, "exit status")
  equal(Sidekiq::Queue.new("critical").map { |job| job.args }, [["given"]])
end

check "after a restart of the server the process goes on with what comes" do
  worker = Worker.new(log, "-c", "2")
  Trail.perform_async("before", "x")
  wait_until("the first job") { words("before") == ["x"] }
  equal(ask("restart")["status"], 0)
  wait_until("the client to be back") { Trail.perform_async("after", "y") rescue nil }
  wait_until("the second job") { words("after") == ["y"] }
end

finish
