"""Sidekiq; the checks are in ruby/sidekiq.rb, which starts Sidekiq processes."""

from harness.programs import program_suite

suite = program_suite(
    "sidekiq", "Sidekiq: bulk, retries, schedules, dead jobs, its API, processes that end", ["ruby"], "ruby/sidekiq.rb"
)
