# frozen_string_literal: true

# The jobs of the sidekiq suite: the same for those who push and for the process that works.
# LARDER_PORT is the server's port.

require "sidekiq"

redis = {url: "redis://127.0.0.1:#{ENV.fetch("LARDER_PORT")}/0", network_timeout: 5}
Sidekiq.configure_client { |config| config.redis = redis }
Sidekiq.configure_server do |config|
  config.redis = redis
  config.options[:poll_interval_average] = 0.1
  config.death_handlers << lambda do |job, problem|
    config.redis { |r| r.rpush("deaths", "#{job["class"]} #{problem.message}") }
  end
end

class Trail
  include Sidekiq::Worker

  def perform(key, *words)
    Sidekiq.redis { |r| r.rpush(key, words.join(" ")) }
  end
end

class Broken
  include Sidekiq::Worker
  sidekiq_options retry: 2, backtrace: 3

  def perform(key, successes_after)
    tries = Sidekiq.redis { |r| r.incr(key) }
    raise ArgumentError, "try #{tries}" if tries <= successes_after
  end
end

# Waits within the job until somebody lets it go.
class Gate
  include Sidekiq::Worker
  sidekiq_options queue: "critical"

  def perform(key)
    Sidekiq.redis do |r|
      r.incr("#{key}:begun")
      r.brpop("#{key}:gate", timeout: 3) while r.get("#{key}:open").nil?
      r.incr("#{key}:done")
    end
  end
end
