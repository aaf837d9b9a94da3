-- wrk asks for random matches, AT_ONCE of them in one request: IDS is a file of match ids, DELAY_MS an average
-- pause of each connection.
-- Prints one line of JSON at the end, for serving.py.
local ids = {}
for line in io.lines(os.getenv("IDS")) do ids[#ids + 1] = line end
local at_once = tonumber(os.getenv("AT_ONCE") or "1")
local pause = tonumber(os.getenv("DELAY_MS") or "0")
math.randomseed(os.time())

request = function()
  local asked = {}
  for number = 1, at_once do asked[number] = ids[math.random(#ids)] end
  return wrk.format("GET", os.getenv("PREFIX") .. table.concat(asked, ","))
end

if pause > 0 then
  delay = function()
    return math.random(0, math.floor(2 * pause))
  end
end

done = function(summary, latency, requests)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  print(string.format(
    '{"requests": %d, "seconds": %f, "failed": %d, "p50_ms": %f, "p99_ms": %f}',
    summary.requests, summary.duration / 1e6, failed, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3
  ))
end
