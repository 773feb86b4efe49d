-- What a script sees, and how its errors are told. Runs once per interpreter.
-- Returns compile(code, name) and run(chunk, keys, argv).
local host, sources = ...

local getinfo, sethook = debug.getinfo, debug.sethook
local setfenv, loadstring, setmetatable = setfenv, loadstring, setmetatable
local error, pcall, xpcall, type, tostring, select = error, pcall, xpcall, type, tostring, select
local rawset, rawget, rawequal, find, byte = rawset, rawget, rawequal, string.find, string.byte
local unpack = unpack

local READONLY = "Attempt to modify a readonly table"
local frozen = setmetatable({}, {__mode = "k"})

local function refuse()
  error(READONLY, 2)
end

-- A view of `fields` that cannot be written to. `pairs` is taught to look through it.
local function view(fields)
  local proxy = setmetatable({}, {__index = fields, __newindex = refuse, __metatable = {}})
  frozen[proxy] = fields
  return proxy
end

local function raise(message)
  error({err = message}, 0)
end

-- Redis' functions are C: a tail call to one keeps the caller's frame. Ours are Lua and would lose
-- it, so the line a script last called from is noted. What is written here has sources with "=".
local caller

local function is_script(info)
  return info ~= nil and info.what ~= "C" and info.what ~= "tail" and byte(info.source) ~= 61
end

local function note_caller()
  local info = getinfo(3, "Sl")
  if is_script(info) then
    caller = info
  end
end

-- How the bundled libraries fail: at the script's line, however deep they are.
function host.fail(message)
  if caller ~= nil then
    message = caller.short_src .. ":" .. caller.currentline .. ": " .. message
  end
  error(message, 0)
end

local redis = {
  LOG_DEBUG = 0, LOG_VERBOSE = 1, LOG_NOTICE = 2, LOG_WARNING = 3,
  REPL_NONE = 0, REPL_SLAVE = 1, REPL_REPLICA = 1, REPL_AOF = 2, REPL_ALL = 3,
  REDIS_VERSION = host.version, REDIS_VERSION_NUM = host.version_number,
}

function redis.pcall(...)
  return host.call(select("#", ...), ...)
end

function redis.call(...)
  local reply = host.call(select("#", ...), ...)
  if type(reply) == "table" and reply.err ~= nil then
    error(reply, 0)
  end
  return reply
end

function redis.sha1hex(...)
  if select("#", ...) ~= 1 then
    raise("ERR wrong number of arguments")
  end
  return host.sha1hex(tostring((...)))
end

local function single(field)
  return function(...)
    local text = ...
    if select("#", ...) ~= 1 or type(text) ~= "string" then
      return {err = "ERR wrong number or type of arguments"}
    end
    if field == "err" then
      if byte(text) == 45 then
        text = text:sub(2)
      elseif not find(text, " ", 1, true) then
        text = "ERR " .. text
      end
    end
    return {[field] = text}
  end
end
redis.error_reply = single("err")
redis.status_reply = single("ok")

function redis.log(...)
  if select("#", ...) < 2 then
    raise("ERR redis.log() requires two arguments or more.")
  end
  local level = ...
  if type(level) ~= "number" then
    raise("ERR First argument must be a number (log level).")
  end
  if level < 0 or level > 3 then
    raise("ERR Invalid debug level.")
  end
end

function redis.setresp(...)
  if select("#", ...) ~= 1 then
    raise("ERR redis.setresp() requires one argument.")
  end
  local version = ...
  if version ~= 2 and version ~= 3 then
    raise("ERR RESP version must be 2 or 3.")
  end
  host.setresp(version)
end

function redis.set_repl(...)
  if select("#", ...) ~= 1 then
    raise("ERR redis.set_repl() requires one argument.")
  end
end

function redis.replicate_commands() return true end
function redis.breakpoint() return false end
function redis.debug() end
function redis.acl_check_cmd(...)
  if select("#", ...) == 0 then
    raise("ERR Please specify at least one argument for this redis.acl_check_cmd() call")
  end
  return true
end

local function closed(name)
  local operation = host.bit[name]
  return function(...)
    for index = 1, select("#", ...) do
      if type((select(index, ...))) ~= "number" then
        host.fail("bad argument #" .. index .. " to '" .. name .. "' (number expected, got "
          .. type((select(index, ...))) .. ")")
      end
    end
    if select("#", ...) == 0 then
      host.fail("bad argument #1 to '" .. name .. "' (number expected, got no value)")
    end
    return operation(...)
  end
end
local bit = {}
for _, name in ipairs({"arshift", "band", "bnot", "bor", "bswap", "bxor", "lshift", "rol", "ror",
                       "rshift", "tobit", "tohex"}) do
  bit[name] = closed(name)
end

local maths = {}
for name, value in pairs(math) do
  maths[name] = value
end
function maths.random(low, high)
  local chance = host.random()
  if low == nil then
    return chance
  end
  if high == nil then
    low, high = 1, low
  end
  if low > high then
    error("bad argument #" .. (low == 1 and 1 or 2) .. " to 'random' (interval is empty)", 2)
  end
  return math.floor(chance * (high - low + 1)) + low
end
function maths.randomseed(seed)
  host.randomseed(seed)
end

local strings = {}
for name, value in pairs(string) do
  strings[name] = value
end
strings.dump = nil
local text_view = view(strings)
-- ("x"):upper() must not lead to the real table, which a script could change for all that follow.
local text_meta = getmetatable("")
text_meta.__index = text_view
text_meta.__metatable = view({__index = text_view})

local api = {
  _VERSION = _VERSION, assert = assert, collectgarbage = collectgarbage, coroutine = view(coroutine),
  error = error, gcinfo = gcinfo, ipairs = ipairs, math = view(maths), next = next,
  rawequal = rawequal, select = select, string = text_view, table = view(table),
  tonumber = tonumber, tostring = tostring, type = type, unpack = unpack,
  bit = view(bit), redis = view(redis),
}
for _, name in ipairs({"cjson", "cmsgpack", "struct"}) do
  local chunk = assert(loadstring(sources[name], "=" .. name))
  api[name] = view(chunk(host))
end

local null = rawget(frozen[api.cjson], "null")
function api.tostring(...)
  if rawequal(..., null) then
    return "userdata: (nil)"
  end
  return tostring(...)
end

local environment

function api.pairs(t)
  if t == environment then
    local all = {}
    for name, value in pairs(api) do
      all[name] = value
    end
    for name, value in pairs(frozen[t]) do
      all[name] = value
    end
    return pairs(all)
  end
  return pairs(frozen[t] or t)
end

function api.rawget(t, key)
  local fields = frozen[t]
  if fields == nil then
    return rawget(t, key)
  end
  local value = rawget(fields, key)
  if value == nil and t == environment then
    value = rawget(api, key)
  end
  return value
end

-- Redis lets a caught error be a text, whatever was raised.
local function told(ok, ...)
  if ok then
    return ok, ...
  end
  local problem = ...
  if type(problem) == "table" then
    problem = problem.err
  end
  return ok, problem
end
function api.pcall(...)
  return told(pcall(...))
end
function api.xpcall(...)
  return told(xpcall(...))
end

function api.rawset(t, key, value)
  if frozen[t] then
    raise("ERR " .. READONLY)
  end
  return rawset(t, key, value)
end
function api.setmetatable(t, meta)
  if frozen[t] then
    raise("ERR " .. READONLY)
  end
  return setmetatable(t, meta)
end
local getmetatable = getmetatable
function api.getmetatable(t)
  return getmetatable(t)
end

local function compile(code, name)
  if byte(code) == 27 then
    return nil, "bytecode is not allowed"
  end
  local chunk, problem = loadstring(code, name)
  if chunk == nil then
    return nil, problem
  end
  return chunk
end

function api.loadstring(code, name)
  local chunk, problem = compile(code, name or code)
  if chunk == nil then
    return nil, problem
  end
  return setfenv(chunk, environment)
end
function api.load(reader, name)
  local parts = {}
  while true do
    local part = reader()
    if part == nil or part == "" then
      break
    end
    parts[#parts + 1] = part
  end
  return api.loadstring(table.concat(parts), name or "=(load)")
end

setmetatable(api, {__index = function(_, name)
  error("Script attempted to access nonexistent global variable '" .. tostring(name) .. "'", 2)
end})
local api_meta = {__index = api}

local function handler(problem)
  if type(problem) ~= "table" then
    problem = {err = "ERR " .. tostring(problem)}
  elseif frozen[problem] then
    problem = {err = problem.err}
  end
  local info = getinfo(2, "Sl")
  if not is_script(info) then
    info = caller
  end
  if info ~= nil then
    problem.source, problem.line = info.source, info.currentline
  end
  return problem
end

local function run(chunk, keys, argv)
  local globals = setmetatable({KEYS = keys, ARGV = argv}, api_meta)
  environment = setmetatable({}, {__index = globals, __newindex = refuse, __metatable = {}})
  frozen[environment] = globals
  globals._G = environment
  caller = nil
  setfenv(chunk, environment)
  sethook(note_caller, "c")
  local ok, result = xpcall(chunk, handler)
  sethook()
  environment = nil
  if ok then
    return true, result
  end
  local message = result.err
  if type(message) ~= "string" then
    message = tostring(message)
  end
  return false, message, result.source, result.line
end

return compile, run
