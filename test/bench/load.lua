-- What wrk sends: the requests of one or more kinds in turn, each kind over its paths; and its result as one line of JSON.
-- Arguments: for each kind: method, path prefix, number of paths, bytes of content, "Name: value"...; kinds are parted by +

local requests = {}
local at = 0

local function kinds(args)
  local all = { {} }
  for _, arg in ipairs(args) do
    if arg == "+" then all[#all + 1] = {} else table.insert(all[#all], arg) end
  end
  return all
end

function init(args)
  local all = kinds(args)
  local most = 0
  for _, kind in ipairs(all) do most = math.max(most, tonumber(kind[3])) end
  for i = 0, most - 1 do
    for _, kind in ipairs(all) do
      local fields = {}
      for f = 5, #kind do
        local name, value = kind[f]:match("^([^:]+): (.*)$")
        fields[name] = value
      end
      local bytes = tonumber(kind[4])
      local content = bytes > 0 and string.rep("x", bytes) or nil
      requests[#requests + 1] = wrk.format(kind[1], kind[2] .. (i % tonumber(kind[3])), fields, content)
    end
  end
end

function request()
  at = at + 1
  if at > #requests then at = 1 end
  return requests[at]
end

function done(summary, latency)
  local e = summary.errors
  io.write(string.format(
    '\n{"requests":%d,"microseconds":%d,"bytes":%d,"p50":%d,"p99":%d,"refused":%d,"broken":%d,"timeouts":%d}\n',
    summary.requests, summary.duration, summary.bytes, latency:percentile(50), latency:percentile(99),
    e.status, e.connect + e.read + e.write, e.timeout))
end
