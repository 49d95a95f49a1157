//! What reading a file would take, told from its bytes alone: a few bytes of a protocol buffer can stand for a message
//! of hundreds in memory, so that a broken file of the size of a model could ask for more memory than there is.

use tract_onnx::pb::{
    AttributeProto, FunctionProto, GraphProto, NodeProto, OperatorSetIdProto, SparseTensorProto,
    StringStringEntryProto, TensorAnnotation, TensorProto, TrainingInfoProto, TypeProto, ValueInfoProto,
    tensor_shape_proto::Dimension,
};

/// Bytes of memory. A model of four million nodes needs two thirds of it.
pub(super) const MOST_MEMORY: usize = 1 << 30;

/// prost refuses messages that are nested deeper.
const DEEPEST: usize = 100;

/// The messages that a file has in numbers.
#[derive(Clone, Copy)]
enum Message {
    Model,
    Graph,
    Node,
    Attribute,
    Tensor,
    /// Two texts.
    Property,
    /// One of the others, or what is in one: it counts as the largest of all.
    Other,
}

/// The size of the largest message that may stand where [`Message::Other`] does, at any depth.
const LARGEST: usize = {
    let sizes = [
        size_of::<AttributeProto>(),
        size_of::<Dimension>(),
        size_of::<FunctionProto>(),
        size_of::<GraphProto>(),
        size_of::<NodeProto>(),
        size_of::<OperatorSetIdProto>(),
        size_of::<SparseTensorProto>(),
        size_of::<StringStringEntryProto>(),
        size_of::<TensorAnnotation>(),
        size_of::<TensorProto>(),
        size_of::<TrainingInfoProto>(),
        size_of::<TypeProto>(),
        size_of::<ValueInfoProto>(),
    ];
    let (mut largest, mut position) = (0, 0);
    while position < sizes.len() {
        if sizes[position] > largest {
            largest = sizes[position];
        }
        position += 1;
    }
    largest
};

/// What stands in a field whose length is given.
enum Field {
    Message(Message),
    /// Numbers, a byte each at the least.
    Numbers,
    /// Bytes or text.
    Bytes,
}

impl Message {
    /// By the numbers of `onnx.proto`.
    fn field(self, number: u64) -> Field {
        use Message::*;
        match (self, number) {
            (Model, 7) | (Attribute, 6 | 11) => Field::Message(Graph),
            (Model, 8 | 20 | 25) | (Graph, 11..=15) | (Attribute, 14 | 15 | 22 | 23) => Field::Message(Other),
            (Model, 14) | (Tensor, 13) => Field::Message(Property),
            (Graph, 1) => Field::Message(Node),
            (Node, 5) => Field::Message(Attribute),
            (Graph, 5) | (Attribute, 5 | 10) => Field::Message(Tensor),
            (Attribute, 7 | 8) | (Tensor, 1 | 4 | 5 | 7 | 10 | 11) => Field::Numbers,
            // Whatever is in them, the lists of others are lists of messages at the most.
            (Other, _) => Field::Message(Other),
            _ => Field::Bytes,
        }
    }

    fn size(self) -> usize {
        match self {
            Message::Model => 0,
            Message::Graph => size_of::<GraphProto>(),
            Message::Node => size_of::<NodeProto>(),
            Message::Attribute => size_of::<AttributeProto>(),
            Message::Tensor => size_of::<TensorProto>(),
            Message::Property => size_of::<StringStringEntryProto>(),
            Message::Other => LARGEST,
        }
    }
}

/// How many bytes of memory the messages in a file take, roughly; more than [`MOST_MEMORY`] where it is too many.
pub(super) fn memory(file: &[u8]) -> usize {
    let mut needed = 0;
    walk(file, Message::Model, 0, &mut needed);
    needed
}

/// Ends at the first byte that makes no sense: there the decoder ends, too.
fn walk(mut bytes: &[u8], message: Message, depth: usize, needed: &mut usize) {
    while *needed <= MOST_MEMORY && depth <= DEEPEST {
        let Some(key) = varint(&mut bytes) else {
            return;
        };
        let length = match key & 7 {
            0 => {
                *needed += 8;
                if varint(&mut bytes).is_none() {
                    return;
                }
                continue;
            }
            1 => 8,
            2 => match varint(&mut bytes).and_then(|length| usize::try_from(length).ok()) {
                Some(length) => length,
                None => return,
            },
            // The decoder skips groups, and goes on behind them. What is in one counts as if it were not.
            3 | 4 => continue,
            5 => 4,
            _ => return,
        };
        let Some((value, rest)) = bytes.split_at_checked(length) else {
            return;
        };
        bytes = rest;
        // An entry in a list that has grown to twice its need.
        *needed += 16;
        if key & 7 != 2 {
            continue;
        }
        match message.field(key >> 3) {
            Field::Message(inner) => {
                *needed += 2 * inner.size();
                if matches!(inner, Message::Other) {
                    // It may be a list of numbers.
                    *needed += 8 * length;
                }
                walk(value, inner, depth + 1, needed);
            }
            Field::Numbers => *needed += 8 * length,
            Field::Bytes => *needed += 48 + length,
        }
    }
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..70).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::fixtures::field;
    use crate::model::{MAX_MODEL_BYTES, ModelError};

    fn refusal(file: &[u8]) -> String {
        let ModelError::NotOnnx { problem, .. } = super::super::parse(file, "it").unwrap_err() else {
            panic!("refused for another reason");
        };
        problem
    }

    #[test]
    fn small_bytes_that_need_much_memory_are_counted_as_what_they_become() {
        const COUNT: usize = 10_000;
        let many = |number| field(number, &[]).repeat(COUNT);
        let attribute = |content: &[u8]| field(7, &field(1, &field(5, content)));
        for (file, size) in [
            (field(7, &many(1)), size_of::<NodeProto>()),
            (field(7, &many(5)), size_of::<TensorProto>()),
            (field(7, &field(1, &many(5))), size_of::<AttributeProto>()),
            (field(7, &many(11)), size_of::<ValueInfoProto>()),
            (field(7, &many(14)), size_of::<TensorAnnotation>()),
            (field(7, &many(15)), size_of::<SparseTensorProto>()),
            (many(8), size_of::<OperatorSetIdProto>()),
            (many(14), size_of::<StringStringEntryProto>()),
            (many(20), size_of::<TrainingInfoProto>()),
            (many(25), size_of::<FunctionProto>()),
            // The nodes of a function, the graph of a training, and the numbers in it.
            (field(25, &many(7)), size_of::<NodeProto>()),
            (field(20, &field(1, &many(1))), size_of::<NodeProto>()),
            (
                field(20, &field(1, &field(5, &field(7, &[1; COUNT])))),
                size_of::<i64>(),
            ),
            (attribute(&many(9)), size_of::<Vec<u8>>()),
            (attribute(&field(8, &[1; COUNT])), size_of::<i64>()),
        ] {
            assert!(memory(&file) >= COUNT * size, "{} of {size}", memory(&file));
        }
    }

    #[test]
    fn a_file_that_needs_too_much_memory_is_refused() {
        let file = field(7, &field(1, &[]).repeat(4 << 20));
        assert!(file.len() < MAX_MODEL_BYTES / 10);
        assert!(refusal(&file).contains("bytes of memory"));
    }

    #[test]
    fn what_is_behind_a_group_counts() {
        let large = field(7, &field(1, &[]).repeat(4 << 20));
        // Group 100, empty, and with a field and another group in it.
        for group in [&b"\xa3\x06\xa4\x06"[..], b"\xa3\x06\x08\x01\xab\x06\xac\x06\xa4\x06"] {
            // The decoder goes on behind it, too.
            assert!(!refusal(group).contains("bytes of memory"));
            let model = include_bytes!("../../../models/airline-gbm.onnx");
            assert!(super::super::parse(&[group, model].concat(), "it").is_ok());
            assert!(refusal(&[group, &large].concat()).contains("bytes of memory"));
        }
    }

    #[test]
    fn what_is_nested_deeply_is_refused() {
        let mut graph = vec![];
        for _ in 0..10_000 {
            graph = field(1, &field(5, &field(6, &graph)));
        }
        assert!(refusal(&field(7, &graph)).contains("recursion limit"));
    }

    #[test]
    fn the_shipped_model_needs_little() {
        let file = include_bytes!("../../../models/airline-gbm.onnx");
        let needed = memory(file);
        assert!((file.len()..20 * file.len()).contains(&needed), "{needed}");
    }
}
