-- lua-cmsgpack as Redis bundles it: old-style doubles and 8-bit string lengths included.
local host = ...
local fail = host.fail
local cmsgpack = {
  _NAME = "cmsgpack", _VERSION = "lua-cmsgpack 0.4.0",
  _COPYRIGHT = "Copyright (C) 2012, Salvatore Sanfilippo",
  _DESCRIPTION = "MessagePack C implementation for Lua",
}

local byte, char, concat, floor, sub, type = string.byte, string.char, table.concat, math.floor,
  string.sub, type
local MAX_NESTING = 16

local function big_endian(value, size)
  local out = {}
  for index = size, 1, -1 do
    out[index] = char(value % 256)
    value = floor(value / 256)
  end
  return concat(out)
end

local function integer(value)
  if value >= 0 then
    if value <= 127 then return char(value) end
    if value <= 0xff then return "\204" .. char(value) end
    if value <= 0xffff then return "\205" .. big_endian(value, 2) end
    if value <= 0xffffffff then return "\206" .. big_endian(value, 4) end
    return "\207" .. big_endian(value, 8)
  end
  if value >= -32 then return char(256 + value) end
  if value >= -128 then return "\208" .. char(256 + value) end
  if value >= -32768 then return "\209" .. big_endian(65536 + value, 2) end
  if value >= -2147483648 then return "\210" .. big_endian(4294967296 + value, 4) end
  return "\211" .. host.pack_integer(value)
end

local function headed(length, small, small_limit, code16)
  if length <= small_limit then return char(small + length) end
  if length <= 0xffff then return char(code16) .. big_endian(length, 2) end
  return char(code16 + 1) .. big_endian(length, 4)
end

local function text(value)
  local length = #value
  if length < 32 then return char(0xa0 + length) .. value end
  if length <= 0xff then return "\217" .. char(length) .. value end
  if length <= 0xffff then return "\218" .. big_endian(length, 2) .. value end
  return "\219" .. big_endian(length, 4) .. value
end

local function is_array(t)
  local count, highest = 0, 0
  for key in next, t do
    if type(key) ~= "number" or key <= 0 or floor(key) ~= key then return false end
    if key > highest then highest = key end
    count = count + 1
  end
  return highest == count, count
end

local function packed(value, level)
  local kind = type(value)
  if kind == "string" then return text(value) end
  if kind == "boolean" then return value and "\195" or "\194" end
  if kind == "number" then
    if floor(value) == value and value >= -2^63 and value < 2^63 then return integer(value) end
    return host.pack_number(value)
  end
  if kind ~= "table" or level == MAX_NESTING then return "\192" end
  local out = {}
  local array, count = is_array(value)
  if array then
    out[1] = headed(count, 0x90, 15, 0xdc)
    for index = 1, count do out[#out + 1] = packed(value[index], level + 1) end
    return concat(out)
  end
  count = 0
  for key, held in next, value do
    count = count + 1
    out[#out + 1] = packed(key, level + 1)
    out[#out + 1] = packed(held, level + 1)
  end
  return headed(count, 0x80, 15, 0xde) .. concat(out)
end

local function number_at(data, at, size)
  if at + size - 1 > #data then fail("Missing bytes in input.") end
  local value = 0
  for index = at, at + size - 1 do value = value * 256 + byte(data, index) end
  return value, at + size
end

local function bytes_at(data, at, size)
  if at + size - 1 > #data then fail("Missing bytes in input.") end
  return sub(data, at, at + size - 1), at + size
end

local unpacked

local function items(data, at, count)
  local result = {}
  for index = 1, count do result[index], at = unpacked(data, at) end
  return result, at
end

local function pairs_of(data, at, count)
  local result = {}
  for _ = 1, count do
    local key, value
    key, at = unpacked(data, at)
    value, at = unpacked(data, at)
    if key ~= nil then result[key] = value end
  end
  return result, at
end

local function signed(data, at, size)
  local value, after = number_at(data, at, size)
  local limit = 2 ^ (size * 8 - 1)
  return value >= limit and value - 2 * limit or value, after
end

function unpacked(data, at)
  local code
  code, at = number_at(data, at, 1)
  if code <= 0x7f then return code, at end
  if code >= 0xe0 then return code - 256, at end
  if code <= 0x8f then return pairs_of(data, at, code - 0x80) end
  if code <= 0x9f then return items(data, at, code - 0x90) end
  if code <= 0xbf then return bytes_at(data, at, code - 0xa0) end
  if code == 0xc0 then return nil, at end
  if code == 0xc2 or code == 0xc3 then return code == 0xc3, at end
  if code >= 0xc4 and code <= 0xc6 then
    local size, after = number_at(data, at, 2 ^ (code - 0xc4))
    return bytes_at(data, after, size)
  end
  if code == 0xca or code == 0xcb then
    local raw, after = bytes_at(data, at, code == 0xca and 4 or 8)
    return host.unpack_number(raw), after
  end
  if code >= 0xcc and code <= 0xcf then return number_at(data, at, 2 ^ (code - 0xcc)) end
  if code >= 0xd0 and code <= 0xd3 then return signed(data, at, 2 ^ (code - 0xd0)) end
  if code >= 0xd9 and code <= 0xdb then
    local size, after = number_at(data, at, 2 ^ (code - 0xd9))
    return bytes_at(data, after, size)
  end
  if code >= 0xdc and code <= 0xdf then
    local size, after = number_at(data, at, code % 2 == 0 and 2 or 4)
    return (code <= 0xdd and items or pairs_of)(data, after, size)
  end
  fail("Bad data format in input.")
end

function cmsgpack.pack(...)
  local count = select("#", ...)
  if count == 0 then fail("bad argument #0 to 'pack' (MessagePack pack needs input.)") end
  local out = {}
  for index = 1, count do out[index] = packed((select(index, ...)), 0) end
  return concat(out)
end

local function checked(data, name)
  if type(data) ~= "string" then
    fail("bad argument #1 to '" .. name .. "' (string expected, got " .. type(data) .. ")")
  end
end

local function many(data, limit, at)
  local out, count = {}, 0
  while at <= #data and count < limit do
    count = count + 1
    out[count], at = unpacked(data, at)
  end
  return {out, count, at}
end

function cmsgpack.unpack(data)
  checked(data, "unpack")
  local got = many(data, math.huge, 1)
  return unpack(got[1], 1, got[2])
end

local function limited(data, limit, offset)
  local got = many(data, limit, offset + 1)
  return got[3] > #data and -1 or got[3] - 1, unpack(got[1], 1, got[2])
end

function cmsgpack.unpack_one(data, offset)
  checked(data, "unpack_one")
  return limited(data, 1, offset or 0)
end

function cmsgpack.unpack_limit(data, limit, offset)
  checked(data, "unpack_limit")
  return limited(data, limit, offset or 0)
end

return cmsgpack
