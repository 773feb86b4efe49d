-- Roberto Ierusalimschy's struct 0.2, as Redis bundles it: pack, unpack and size.
local host = ...
local fail = host.fail
local struct = {}

local byte, char, find, floor, match, rep, sub = string.byte, string.char, string.find, math.floor,
  string.match, string.rep, string.sub
local concat, tonumber, type = table.concat, tonumber, type

local SIZES = {b = 1, B = 1, h = 2, H = 2, l = 8, L = 8, T = 8, f = 4, d = 8, x = 1}
local MAX_INTEGER, NATIVE_ALIGN = 32, 8

local function argument(name, position, message)
  fail("bad argument #" .. position .. " to '" .. name .. "' (" .. message .. ")")
end

local function power_of_two(number)
  while number > 1 and number % 2 == 0 do number = number / 2 end
  return number == 1
end

-- Calls visit(letter, size, padding) for each item of the format; the visitor may move `state.at`.
local function walk(name, format, state, visit)
  local position = 1
  state.little, state.align = true, 1
  while position <= #format do
    local letter = sub(format, position, position)
    position = position + 1
    local digits = ""
    if find(letter, "[iIcx!]") and letter ~= "x" then
      digits = match(format, "^%d*", position)
      position = position + #digits
    end
    local size = SIZES[letter]
    if letter == "i" or letter == "I" then
      size = digits == "" and 4 or tonumber(digits)
      if size > MAX_INTEGER then
        fail("integral size " .. size .. " is larger than limit of " .. MAX_INTEGER)
      end
    elseif letter == "c" then
      size = digits == "" and 1 or tonumber(digits)
    elseif letter == "s" then
      size = 0
    elseif letter == ">" or letter == "<" then
      state.little = letter == "<"
    elseif letter == "!" then
      state.align = digits == "" and NATIVE_ALIGN or tonumber(digits)
      if state.align == 0 or not power_of_two(state.align) then
        fail("alignment is not a power of 2")
      end
    elseif letter ~= " " and letter ~= "x" and size == nil then
      argument(name, 1, "invalid format option '" .. letter .. "'")
    end
    if size ~= nil then
      local padding = 0
      if size > 1 and letter ~= "c" and letter ~= "x" then
        local align = size > state.align and state.align or size
        if align > 1 then padding = (align - state.at % align) % align end
      end
      visit(letter, size, padding)
    end
  end
end

local function integer(value, size, little)
  local out = {}
  local rest = floor(value)
  for index = 1, size do
    out[little and index or size - index + 1] = char(rest % 256)
    rest = floor(rest / 256)
  end
  return concat(out)
end

local function read_integer(data, at, size, little, is_signed)
  local value = 0
  for index = 0, size - 1 do
    local place = little and at + size - 1 - index or at + index
    value = value * 256 + byte(data, place)
  end
  local limit = 2 ^ (size * 8 - 1)
  return is_signed and value >= limit and value - 2 * limit or value
end

function struct.pack(format, ...)
  local given, taken = {...}, 0
  local out, state = {}, {at = 0}
  local function add(data)
    out[#out + 1] = data
    state.at = state.at + #data
  end
  walk("pack", format, state, function(letter, size, padding)
    add(rep("\0", padding))
    if letter == "x" then return add("\0") end
    taken = taken + 1
    local value = given[taken]
    if letter == "c" or letter == "s" then
      if type(value) == "number" then value = tostring(value) end
      if type(value) ~= "string" then
        argument("pack", taken + 1, "string expected, got "
          .. (value == nil and "no value" or type(value)))
      end
      if letter == "s" then return add(value .. "\0") end
      if size == 0 then size = #value end
      if #value < size then argument("pack", taken + 2, "string too short") end
      return add(sub(value, 1, size))
    end
    local number = tonumber(value)
    if number == nil then
      argument("pack", taken + 1, "number expected, got " .. type(value))
    end
    if letter == "f" or letter == "d" then
      return add(host.pack_real(number, size, state.little))
    end
    add(integer(number, size, state.little))
  end)
  return concat(out)
end

function struct.unpack(format, data, start)
  local values, count = {}, 0
  local state = {at = (start or 1) - 1}
  walk("unpack", format, state, function(letter, size, padding)
    state.at = state.at + padding
    if letter ~= "s" and state.at + size > #data then
      argument("unpack", 2, "data string too short")
    end
    local value
    if letter == "c" then
      if size == 0 then
        size = values[count]
        if count == 0 or type(size) ~= "number" then
          fail("format 'c0' needs a previous size")
        end
        values[count] = nil
        count = count - 1
        if state.at + size > #data then argument("unpack", 2, "data string too short") end
      end
      value = sub(data, state.at + 1, state.at + size)
    elseif letter == "s" then
      local finish = find(data, "\0", state.at + 1, true)
      if finish == nil then fail("unfinished string in data") end
      value = sub(data, state.at + 1, finish - 1)
      size = #value + 1
    elseif letter == "f" or letter == "d" then
      value = host.unpack_real(sub(data, state.at + 1, state.at + size), state.little)
    elseif letter ~= "x" then
      value = read_integer(data, state.at + 1, size, state.little, find(letter, "[bhil]"))
    end
    state.at = state.at + size
    if letter ~= "x" then
      count = count + 1
      values[count] = value
    end
  end)
  count = count + 1
  values[count] = state.at + 1
  return unpack(values, 1, count)
end

function struct.size(format)
  local state = {at = 0}
  walk("size", format, state, function(letter, size, padding)
    if letter == "s" then argument("size", 1, "variable-size format 's'") end
    if letter == "c" and size == 0 then argument("size", 1, "variable-length format 'c0'") end
    state.at = state.at + padding + size
  end)
  return state.at
end

return struct
