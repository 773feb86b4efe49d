-- lua-cjson 2.1 as Redis bundles it: same texts, same number format, same array rules.
local host = ...
local fail = host.fail
local null = newproxy()
local cjson = {_NAME = "cjson", _VERSION = "2.1.0", null = null}

local byte, char, concat, find, format, gsub, sub =
  string.byte, string.char, table.concat, string.find, string.format, string.gsub, string.sub
local floor, huge, next, pairs, tonumber, tostring, type =
  math.floor, math.huge, next, pairs, tonumber, tostring, type

local MAX_DEPTH = 1000
local SPARSE_RATIO, SPARSE_SAFE = 2, 10

local ESCAPES = {
  ['"'] = '\\"', ["\\"] = "\\\\", ["/"] = "\\/", ["\b"] = "\\b", ["\f"] = "\\f", ["\n"] = "\\n",
  ["\r"] = "\\r", ["\t"] = "\\t", ["\127"] = "\\u007f",
}
for code = 0, 31 do
  local letter = char(code)
  ESCAPES[letter] = ESCAPES[letter] or format("\\u%04x", code)
end

local function quoted(text)
  return '"' .. gsub(text, '[%c"\\/\127]', ESCAPES) .. '"'
end

local function number(value)
  if value ~= value or value == huge or value == -huge then
    fail("Cannot serialise number: must not be NaN or Inf")
  end
  return format("%.14g", value)
end

-- The length of an array, or nil for a table that is an object.
local function array_length(t)
  local highest, count = 0, 0
  for key in next, t do
    if type(key) ~= "number" or key < 1 or floor(key) ~= key then
      return nil
    end
    if key > highest then
      highest = key
    end
    count = count + 1
  end
  if highest > count * SPARSE_RATIO and highest > SPARSE_SAFE then
    fail("Cannot serialise table: excessively sparse array")
  end
  return highest
end

local append

local function append_table(out, t, depth)
  if depth > MAX_DEPTH then
    fail("Cannot serialise, excessive depth (" .. depth .. ")")
  end
  local length = array_length(t)
  if length and length > 0 then
    out[#out + 1] = "["
    for index = 1, length do
      if index > 1 then
        out[#out + 1] = ","
      end
      append(out, t[index], depth)
    end
    out[#out + 1] = "]"
    return
  end
  out[#out + 1] = "{"
  local first = true
  for key, value in next, t do
    if not first then
      out[#out + 1] = ","
    end
    first = false
    if type(key) == "number" then
      out[#out + 1] = '"' .. number(key) .. '":'
    elseif type(key) == "string" then
      out[#out + 1] = quoted(key) .. ":"
    else
      fail("Cannot serialise " .. type(key) .. ": table key must be a number or string")
    end
    append(out, value, depth)
  end
  out[#out + 1] = "}"
end

function append(out, value, depth)
  local kind = type(value)
  if kind == "string" then
    out[#out + 1] = quoted(value)
  elseif kind == "number" then
    out[#out + 1] = number(value)
  elseif kind == "boolean" then
    out[#out + 1] = tostring(value)
  elseif kind == "table" then
    append_table(out, value, depth + 1)
  elseif value == nil or value == null then
    out[#out + 1] = "null"
  else
    fail("Cannot serialise " .. kind .. ": type not supported")
  end
end

-- Decoding: `peek` names the token at a position as lua-cjson's messages do.
local LITERALS = {["true"] = true, ["false"] = false, null = null}
local TOKENS = {
  ["{"] = "T_OBJ_BEGIN", ["}"] = "T_OBJ_END", ["["] = "T_ARR_BEGIN", ["]"] = "T_ARR_END",
  [","] = "T_COMMA", [":"] = "T_COLON", [""] = "T_END",
}

local function skip(text, at)
  return find(text, "[^ \t\r\n]", at) or #text + 1
end

local function utf8(code)
  if code < 0x80 then
    return char(code)
  elseif code < 0x800 then
    return char(0xC0 + floor(code / 64), 0x80 + code % 64)
  elseif code < 0x10000 then
    return char(0xE0 + floor(code / 4096), 0x80 + floor(code / 64) % 64, 0x80 + code % 64)
  end
  return char(0xF0 + floor(code / 262144), 0x80 + floor(code / 4096) % 64,
    0x80 + floor(code / 64) % 64, 0x80 + code % 64)
end

local UNESCAPED = {
  ['"'] = '"', ["\\"] = "\\", ["/"] = "/", b = "\b", f = "\f", n = "\n", r = "\r", t = "\t",
}

-- The string that starts after the quote before `at`, and the position behind it; or nil and why.
local function read_string(text, at)
  local out = {}
  while true do
    local stop = find(text, '["\\]', at)
    if stop == nil then
      return nil, "unexpected end of string", #text + 1
    end
    out[#out + 1] = sub(text, at, stop - 1)
    if byte(text, stop) == 34 then
      return concat(out), stop + 1
    end
    local letter = sub(text, stop + 1, stop + 1)
    if letter == "u" then
      local code = tonumber(sub(text, stop + 2, stop + 5), 16)
      if code == nil or not find(text, "^%x%x%x%x", stop + 2) then
        return nil, "invalid unicode escape code", stop
      end
      at = stop + 6
      if code >= 0xD800 and code < 0xDC00 then
        local low = find(text, "^\\u%x%x%x%x", at) and tonumber(sub(text, at + 2, at + 5), 16)
        if not low or low < 0xDC00 or low > 0xDFFF then
          return nil, "invalid unicode escape code", stop
        end
        code = 0x10000 + (code - 0xD800) * 1024 + low - 0xDC00
        at = at + 6
      elseif code >= 0xDC00 and code <= 0xDFFF then
        return nil, "invalid unicode escape code", stop
      end
      out[#out + 1] = utf8(code)
    elseif UNESCAPED[letter] then
      out[#out + 1] = UNESCAPED[letter]
      at = stop + 2
    else
      return nil, "invalid escape code", stop
    end
  end
end

local function read_number(text, at)
  local finish = select(2, find(text, "^-?%d+%.?%d*[eE]?[+-]?%d*", at))
  while finish and finish >= at do
    local value = tonumber(sub(text, at, finish))
    if value then
      return value, finish + 1
    end
    finish = finish - 1
  end
  return nil
end

-- kind, value, next position; a kind that starts in lower case is a complaint.
local function token(text, at)
  local letter = sub(text, at, at)
  if TOKENS[letter] then
    return TOKENS[letter], nil, at + 1
  end
  if letter == '"' then
    local value, after, where = read_string(text, at + 1)
    if value == nil then
      return after, nil, where
    end
    return "T_STRING", value, after
  end
  for word, value in pairs(LITERALS) do
    if sub(text, at, at + #word - 1) == word then
      return value == null and "T_NULL" or "T_BOOLEAN", value, at + #word
    end
  end
  local value, after = read_number(text, at)
  if value then
    return "T_NUMBER", value, after
  end
  return find(letter, "[%d-]") and "invalid number" or "invalid token", nil, at
end

local function expected(what, kind, at, after)
  local where = find(kind, "^T_") and at or after
  fail("Expected " .. what .. " but found " .. kind .. " at character " .. where)
end

local read_value

local function read_object(text, at, depth)
  local result = {}
  at = skip(text, at)
  local kind, key, after = token(text, at)
  if kind == "T_OBJ_END" then
    return result, after
  end
  while true do
    if kind ~= "T_STRING" then
      expected("object key string", kind, at, after)
    end
    at = skip(text, after)
    kind, _, after = token(text, at)
    if kind ~= "T_COLON" then
      expected("colon", kind, at, after)
    end
    local value
    value, at = read_value(text, after, depth)
    result[key] = value
    at = skip(text, at)
    kind, _, after = token(text, at)
    if kind == "T_OBJ_END" then
      return result, after
    end
    if kind ~= "T_COMMA" then
      expected("comma or object end", kind, at, after)
    end
    at = skip(text, after)
    kind, key, after = token(text, at)
  end
end

local function read_array(text, at, depth)
  local result, count = {}, 0
  local start = skip(text, at)
  local kind, _, after = token(text, start)
  if kind == "T_ARR_END" then
    return result, after
  end
  while true do
    local value
    value, at = read_value(text, at, depth)
    count = count + 1
    result[count] = value
    at = skip(text, at)
    kind, _, after = token(text, at)
    if kind == "T_ARR_END" then
      return result, after
    end
    if kind ~= "T_COMMA" then
      expected("comma or array end", kind, at, after)
    end
    at = after
  end
end

function read_value(text, at, depth)
  at = skip(text, at)
  local kind, value, after = token(text, at)
  if kind == "T_STRING" or kind == "T_NUMBER" or kind == "T_BOOLEAN" or kind == "T_NULL" then
    return value, after
  end
  if kind == "T_OBJ_BEGIN" or kind == "T_ARR_BEGIN" then
    if depth >= MAX_DEPTH then
      fail("Found too many nested data structures (" .. depth + 1 .. ")")
    end
    return (kind == "T_OBJ_BEGIN" and read_object or read_array)(text, after, depth + 1)
  end
  expected("value", kind, at, after)
end

function cjson.encode(...)
  if select("#", ...) ~= 1 then
    fail("bad argument #1 to 'encode' (expected 1 argument)")
  end
  local out = {}
  append(out, (...), 0)
  return concat(out)
end

function cjson.decode(...)
  local text = ...
  if select("#", ...) ~= 1 then
    fail("bad argument #1 to 'decode' (expected 1 argument)")
  end
  if type(text) == "number" then
    text = tostring(text)
  end
  if type(text) ~= "string" then
    fail("bad argument #1 to 'decode' (string expected, got " .. type(text) .. ")")
  end
  local value, after = read_value(text, 1, 0)
  local at = skip(text, after)
  local kind, _, behind = token(text, at)
  if kind ~= "T_END" then
    expected("the end", kind, at, behind)
  end
  return value
end

return cjson
