# frozen_string_literal: true

# The Ruby side of harness/programs.py: checks are said on stdout, one line of JSON each.

require "json"

$stdout.sync = true
PORT = Integer(ARGV.fetch(0))

$checks = 0

def say(message)
  $stdout.puts(JSON.generate(message))
end

# Asks the harness to "stop", "start" or "restart" the server.
def ask(question)
  say({ask: question})
  JSON.parse($stdin.gets)
end

def check(title)
  $checks += 1
  yield
  say({check: title, ok: true})
rescue StandardError => e
  place = e.backtrace.find { |line| line.start_with?($PROGRAM_NAME) } || e.backtrace.first
  say({check: title, ok: false, why: "#{e.class} at #{File.basename(place)}: #{e.message}"})
end

def equal(got, want, what = "")
  raise "#{what}: got #{got.inspect}, not #{want.inspect}" unless got == want
end

# Polls until the block gives something true and returns it.
def wait_until(what, deadline_s = 15)
  ending = now + deadline_s
  until (value = yield)
    raise "waited in vain: #{what}" if now > ending

    sleep 0.01
  end
  value
end

def now
  Process.clock_gettime(Process::CLOCK_MONOTONIC)
end

def finish
  say({done: $checks})
end
