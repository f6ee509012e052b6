use std::collections::HashMap;
use std::io::BufRead;

use super::stream::{array, byte, count, counted, integer, line, text};
use super::{Id, Made, Name, Object, Pickle, Value};

/// Opcodes allowed in one file; a checkpoint needs about sixty per array.
pub(crate) const MAX_OPCODES: u64 = 4_000_000;

/// Reads a pickle up to and with its `STOP`, and takes the number of its opcodes from `budget`.
pub(crate) fn parse(reader: &mut impl BufRead, budget: &mut u64) -> Result<Pickle, String> {
    let mut machine = Machine::default();
    loop {
        let opcode = byte(reader)?;
        *budget = budget.checked_sub(1).ok_or_else(|| {
            format!("it holds more than {MAX_OPCODES} pickle opcodes, far beyond any checkpoint")
        })?;
        if opcode == b'.' {
            let root = machine.pop()?;
            return Ok(Pickle { values: machine.values, root });
        }
        machine.step(opcode, reader)?;
    }
}

/// Python's unpickler.
#[derive(Default)]
struct Machine {
    values: Vec<Value>,
    stack: Vec<Id>,
    /// Heights of the stack at which a mark lies.
    marks: Vec<usize>,
    memo: HashMap<u32, Id>,
}

impl Machine {
    fn step(&mut self, opcode: u8, reader: &mut impl BufRead) -> Result<(), String> {
        match opcode {
            // Nothing to build.
            0x80 => drop(byte(reader)?),
            0x95 => drop(array::<8>(reader)?),
            b'(' => self.marks.push(self.stack.len()),
            b'0' => self.discard()?,
            b'1' => drop(self.pop_to_mark()?),
            b'2' => self.duplicate()?,
            // Scalars.
            b'N' => self.push(Value::None)?,
            0x88 => self.push(Value::Bool(true))?,
            0x89 => self.push(Value::Bool(false))?,
            b'I' => self.push(int_of(&line(reader)?))?,
            b'L' => self.push(long_of(&line(reader)?))?,
            b'J' => self.push(Value::Int(i32::from_le_bytes(array(reader)?).into()))?,
            b'K' => self.push(Value::Int(byte(reader)?.into()))?,
            b'M' => self.push(Value::Int(u16::from_le_bytes(array(reader)?).into()))?,
            0x8a => self.long::<1>(reader)?,
            0x8b => self.long::<4>(reader)?,
            b'F' => {
                let number = line(reader)?.trim().parse().map_err(|_| "a number in it is none".to_owned())?;
                self.push(Value::Float(number))?;
            }
            b'G' => self.push(Value::Float(f64::from_be_bytes(array(reader)?)))?,
            // Strings.
            b'S' => self.push_text(line(reader)?.trim().trim_matches(['\'', '"']).to_owned())?,
            b'V' => self.push_text(line(reader)?)?,
            b'U' => self.string::<1>(reader)?,
            b'T' | b'X' => self.string::<4>(reader)?,
            0x8c => self.string::<1>(reader)?,
            0x8d => self.string::<8>(reader)?,
            b'C' => self.bytes::<1>(reader)?,
            b'B' => self.bytes::<4>(reader)?,
            0x8e | 0x96 => self.bytes::<8>(reader)?,
            // Containers.
            b']' => self.push(Value::List(Vec::new()))?,
            b')' => self.push(Value::Tuple(Vec::new()))?,
            b'}' => self.push(Value::Dict(Vec::new()))?,
            0x8f => self.push(Value::Set(Vec::new()))?,
            b'l' => self.gather(Value::List)?,
            b't' => self.gather(Value::Tuple)?,
            0x91 => self.gather(Value::Set)?,
            b'd' => {
                let items = self.pop_to_mark()?;
                self.push(Value::Dict(pairs(&items)?))?;
            }
            0x85 => self.tuple_of(1)?,
            0x86 => self.tuple_of(2)?,
            0x87 => self.tuple_of(3)?,
            b'a' => {
                let item = self.pop()?;
                self.append(&[item])?;
            }
            b'e' | 0x90 => {
                let items = self.pop_to_mark()?;
                self.append(&items)?;
            }
            b's' => {
                let (value, key) = (self.pop()?, self.pop()?);
                self.set(&[(key, value)])?;
            }
            b'u' => {
                let entries = pairs(&self.pop_to_mark()?)?;
                self.set(&entries)?;
            }
            // The memo.
            b'p' => self.remember(index_of(&line(reader)?)?)?,
            b'q' => self.remember(byte(reader)?.into())?,
            b'r' => self.remember(u32::from_le_bytes(array(reader)?))?,
            0x94 => self.remember(u32::try_from(self.memo.len()).unwrap_or(u32::MAX))?,
            b'g' => self.recall(index_of(&line(reader)?)?)?,
            b'h' => self.recall(byte(reader)?.into())?,
            b'j' => self.recall(u32::from_le_bytes(array(reader)?))?,
            // Names, calls, and what lies outside.
            b'c' => {
                let (module, name) = (line(reader)?, line(reader)?);
                self.push(Value::Global(Box::new(Name { module, name })))?;
            }
            0x93 => self.global_of_stack()?,
            0x82 => self.extension(byte(reader)?.into())?,
            0x83 => self.extension(u16::from_le_bytes(array(reader)?).into())?,
            0x84 => self.extension(u32::from_le_bytes(array(reader)?))?,
            b'P' => {
                let key = self.add(Value::Text(line(reader)?.into()))?;
                self.push(Value::Persistent(key))?;
            }
            b'Q' => {
                let key = self.pop()?;
                self.push(Value::Persistent(key))?;
            }
            b'R' | 0x81 => {
                let (arguments, callable) = (self.pop()?, self.pop()?);
                let made = if opcode == b'R' { Made::Called } else { Made::Allocated };
                self.object(callable, arguments, made)?;
            }
            0x92 => {
                let (named, arguments, callable) = (self.pop()?, self.pop()?, self.pop()?);
                self.object(callable, arguments, Made::Allocated)?;
                self.append(&[named])?;
            }
            b'i' => {
                let (module, name) = (line(reader)?, line(reader)?);
                let arguments = self.pop_to_mark()?;
                let arguments = self.add(Value::Tuple(arguments))?;
                let callable = self.add(Value::Global(Box::new(Name { module, name })))?;
                self.object(callable, arguments, Made::Called)?;
            }
            b'o' => {
                let mut items = self.pop_to_mark()?.into_iter();
                let callable = items.next().ok_or("a call in it names nothing to call")?;
                let arguments = self.add(Value::Tuple(items.collect()))?;
                self.object(callable, arguments, Made::Called)?;
            }
            b'b' => self.build()?,
            0x97 | 0x98 => return Err("its pickle needs buffers that lie elsewhere".to_owned()),
            other => return Err(format!("0x{other:02x} in its pickle is no opcode")),
        }
        Ok(())
    }

    fn add(&mut self, value: Value) -> Result<Id, String> {
        let id = u32::try_from(self.values.len()).map_err(|_| "it holds too many values".to_owned())?;
        self.values.push(value);
        Ok(Id(id))
    }

    fn push(&mut self, value: Value) -> Result<(), String> {
        let id = self.add(value)?;
        self.stack.push(id);
        Ok(())
    }

    fn push_text(&mut self, value: String) -> Result<(), String> {
        self.push(Value::Text(value.into()))
    }

    fn pop(&mut self) -> Result<Id, String> {
        if self.marks.last().is_some_and(|&mark| mark >= self.stack.len()) {
            return Err("its pickle takes a mark for a value".to_owned());
        }
        self.stack.pop().ok_or_else(|| "its pickle takes more than it has given".to_owned())
    }

    fn discard(&mut self) -> Result<(), String> {
        if self.marks.last() == Some(&self.stack.len()) {
            self.marks.pop();
            return Ok(());
        }
        self.pop().map(|_| ())
    }

    fn duplicate(&mut self) -> Result<(), String> {
        let top = self.pop()?;
        self.stack.extend([top, top]);
        Ok(())
    }

    fn pop_to_mark(&mut self) -> Result<Vec<Id>, String> {
        let mark = self.marks.pop().filter(|&mark| mark <= self.stack.len());
        Ok(self.stack.split_off(mark.ok_or("its pickle goes back to a mark that it never set")?))
    }

    fn gather(&mut self, container: fn(Vec<Id>) -> Value) -> Result<(), String> {
        let items = self.pop_to_mark()?;
        self.push(container(items))
    }

    fn tuple_of(&mut self, count: usize) -> Result<(), String> {
        let mut items = (0..count).map(|_| self.pop()).collect::<Result<Vec<_>, _>>()?;
        items.reverse();
        self.push(Value::Tuple(items))
    }

    /// The value on top, which stays there.
    fn top(&mut self) -> Result<&mut Value, String> {
        let top = self.pop()?;
        self.stack.push(top);
        self.values.get_mut(top.0 as usize).ok_or_else(|| "its pickle is inconsistent".to_owned())
    }

    fn append(&mut self, items: &[Id]) -> Result<(), String> {
        match self.top()? {
            Value::List(list) | Value::Set(list) => list.extend_from_slice(items),
            Value::Object(object) => object.items.extend_from_slice(items),
            _ => return Err("its pickle appends to what is no list".to_owned()),
        }
        Ok(())
    }

    fn set(&mut self, entries: &[(Id, Id)]) -> Result<(), String> {
        match self.top()? {
            Value::Dict(dictionary) => dictionary.extend_from_slice(entries),
            Value::Object(object) => object.entries.extend_from_slice(entries),
            _ => return Err("its pickle puts entries into what is no dictionary".to_owned()),
        }
        Ok(())
    }

    fn remember(&mut self, index: u32) -> Result<(), String> {
        let top = self.pop()?;
        self.stack.push(top);
        self.memo.insert(index, top);
        Ok(())
    }

    fn recall(&mut self, index: u32) -> Result<(), String> {
        let id = self.memo.get(&index).ok_or("its pickle recalls what it never stored")?;
        self.stack.push(*id);
        Ok(())
    }

    fn long<const SIZE: usize>(&mut self, reader: &mut impl BufRead) -> Result<(), String> {
        let length = count::<SIZE>(reader)?;
        let bytes = counted(reader, length)?;
        self.push(integer(&bytes).map_or(Value::Wide, Value::Int))
    }

    fn string<const SIZE: usize>(&mut self, reader: &mut impl BufRead) -> Result<(), String> {
        let length = count::<SIZE>(reader)?;
        self.push_text(text(&counted(reader, length)?))
    }

    fn bytes<const SIZE: usize>(&mut self, reader: &mut impl BufRead) -> Result<(), String> {
        let length = count::<SIZE>(reader)?;
        self.push(Value::Bytes(counted(reader, length)?.into()))
    }

    fn global_of_stack(&mut self) -> Result<(), String> {
        let (name, module) = (self.pop()?, self.pop()?);
        let text = |id: Id| match self.values.get(id.0 as usize) {
            Some(Value::Text(text)) => Ok(text.to_string()),
            _ => Err("its pickle names something by what is no string".to_owned()),
        };
        let (module, name) = (text(module)?, text(name)?);
        self.push(Value::Global(Box::new(Name { module, name })))
    }

    fn extension(&mut self, code: u32) -> Result<(), String> {
        let (module, name) = ("copyreg extension".to_owned(), code.to_string());
        self.push(Value::Global(Box::new(Name { module, name })))
    }

    fn object(&mut self, callable: Id, arguments: Id, made: Made) -> Result<(), String> {
        let (state, entries, items) = (None, Vec::new(), Vec::new());
        self.push(Value::Object(Box::new(Object { callable, arguments, made, state, entries, items })))
    }

    /// Sets attributes of what is on top. Python does so to a class, a module or a list as well, if it is asked.
    fn build(&mut self) -> Result<(), String> {
        let state = self.pop()?;
        let target = self.pop()?;
        self.stack.push(target);
        if let Some(Value::Object(object)) = self.values.get_mut(target.0 as usize) {
            // A second time, Python calls whatever `__setstate__` the first has set.
            if object.state.replace(state).is_none() {
                return Ok(());
            }
        }
        let name = Name { module: "builtins".to_owned(), name: "setattr".to_owned() };
        let callable = self.add(Value::Global(Box::new(name)))?;
        let arguments = self.add(Value::Tuple(vec![target]))?;
        let (entries, items) = (Vec::new(), Vec::new());
        let setting = Object { callable, arguments, made: Made::Called, state: None, entries, items };
        self.add(Value::Object(Box::new(setting))).map(|_| ())
    }
}

fn pairs(items: &[Id]) -> Result<Vec<(Id, Id)>, String> {
    let (pairs, rest) = items.as_chunks::<2>();
    if !rest.is_empty() {
        return Err("a dictionary in its pickle has a key without a value".to_owned());
    }
    Ok(pairs.iter().map(|[key, value]| (*key, *value)).collect())
}

fn int_of(line: &str) -> Value {
    match line.trim() {
        "00" => Value::Bool(false),
        "01" => Value::Bool(true),
        number => number.parse().map_or(Value::Wide, Value::Int),
    }
}

fn long_of(line: &str) -> Value {
    line.trim().trim_end_matches('L').parse().map_or(Value::Wide, Value::Int)
}

fn index_of(line: &str) -> Result<u32, String> {
    line.trim().parse().map_err(|_| "its pickle counts its values by what is no number".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stops_behind_the_pickle() {
        // pickle.dumps({"a": 300}, protocol=2) and two bytes of something else.
        let mut rest: &[u8] = b"\x80\x02}q\x00X\x01\x00\x00\x00aq\x01M,\x01s.\x07\x08";
        let mut budget = 100;
        let pickle = parse(&mut rest, &mut budget).unwrap();
        assert_eq!((rest, budget), (&b"\x07\x08"[..], 92));
        let Value::Dict(entries) = pickle.get(pickle.root()) else { panic!("{pickle:?}") };
        assert_eq!(pickle.text(entries[0].0), Some("a"));
        assert_eq!(pickle.size(entries[0].1), Some(300));
    }

    #[test]
    fn bombs_and_truncation_are_refused() {
        let bomb = parse(&mut &[b']'; 2000][..], &mut 1000);
        assert!(bomb.unwrap_err().contains("opcodes"));
        let cut = parse(&mut &b"\x80\x02X\xff\xff\xff\x7fab"[..], &mut 1000);
        assert_eq!(cut.unwrap_err(), super::super::stream::ENDED);
        for wrong in
            [&b"."[..], b"(.", b"(0.", b"tN.", b"NR.", b"Na.", b"NNNu.", b"(NdN.", b"h\x07.", b"\xff."]
        {
            assert!(parse(&mut &wrong[..], &mut 1000).is_err(), "{wrong:?}");
        }
    }
}
