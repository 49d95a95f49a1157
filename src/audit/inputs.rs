//! The records that predictions were made from.

use super::claim::Place;
use crate::stream::{At, ClientFactory, Cursor, Failure, Record};
use std::time::Duration;

/// Fetches inputs by their places, best in the order of these: what an answer says of the next place is not asked for
/// again.
pub struct Inputs {
    cursor: Cursor,
    /// The input topic of the settings.
    topic: String,
    last: Option<(Place, Input)>,
}

/// What stands at a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// A record with this value.
    Record(Option<Vec<u8>>),
    Gap,
    /// Neither here nor at any later offset.
    End,
    /// The topic may not be read, and is not the one of the settings; with what the brokers say.
    Denied(String),
}

impl Inputs {
    /// # Errors
    /// The consumer cannot be made.
    pub fn new(factory: &ClientFactory, patience: Duration) -> Result<Inputs, Failure> {
        Ok(Inputs {
            cursor: Cursor::new(factory, patience)?,
            topic: factory.settings().input_topic.clone(),
            last: None,
        })
    }

    /// # Errors
    /// The brokers do not answer in time, or refuse. A right that is missing on a topic other than that of the settings
    /// is none: a record may name any.
    pub fn at(&mut self, place: &Place) -> Result<&Input, Failure> {
        let last = match self.last.take() {
            Some((known, input)) if answers(&known, &input, place) => (known, input),
            _ => (place.clone(), self.ask(place)?),
        };
        Ok(&self.last.insert(last).1)
    }

    fn ask(&mut self, place: &Place) -> Result<Input, Failure> {
        match self.cursor.at(&place.topic, place.partition, place.offset, || true) {
            Ok(At::Record(Record { value, .. })) => Ok(Input::Record(value)),
            Ok(At::Gap) => Ok(Input::Gap),
            Ok(At::End) => Ok(Input::End),
            Err(Failure::Denied(why)) if place.topic != self.topic => Ok(Input::Denied(why)),
            Err(failure) => Err(failure),
        }
    }
}

/// Whether what stands at a known place says what stands at another one.
fn answers(known: &Place, input: &Input, place: &Place) -> bool {
    let same_topic = known.topic == place.topic;
    match input {
        Input::Record(_) | Input::Gap => known == place,
        Input::End => same_topic && known.partition == place.partition && known.offset <= place.offset,
        Input::Denied(_) => same_topic,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Kafka;
    use crate::stream::EmbeddedKafka;
    use rdkafka::ClientConfig;
    use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
    use rdkafka::types::RDKafkaRespErr;
    use std::time::Instant;

    fn place(topic: &str, partition: i32, offset: i64) -> Place {
        Place {
            topic: topic.into(),
            partition,
            offset,
        }
    }

    #[test]
    fn what_is_known_of_a_place_is_not_asked_for_again() {
        let kafka = EmbeddedKafka::start(1).unwrap();
        let settings = Kafka {
            bootstrap_servers: kafka.bootstrap_servers().unwrap(),
            input_topic: "rows".into(),
            ..Kafka::default()
        };
        for topic in ["rows", "secret"] {
            kafka.create_topic(topic, 2, 1).unwrap();
        }
        let mut client = ClientConfig::new();
        let producer: BaseProducer = client
            .set("bootstrap.servers", &settings.bootstrap_servers)
            .create()
            .unwrap();
        let record = BaseRecord::<(), str>::to("rows").partition(1).payload("row");
        producer.send(record).unwrap();
        let deadline = Instant::now() + Duration::from_secs(20);
        while producer.in_flight_count() > 0 && Instant::now() < deadline {
            producer.poll(Duration::from_millis(10));
        }
        let factory = ClientFactory::new(settings, "test".into());
        let mut inputs = Inputs::new(&factory, Duration::from_secs(10)).unwrap();
        let row = Input::Record(Some(b"row".to_vec()));
        assert_eq!(inputs.at(&place("rows", 1, 0)).unwrap(), &row);
        assert_eq!(inputs.at(&place("rows", 0, 5)).unwrap(), &Input::End);
        // Others than that of the end.
        assert_eq!(inputs.at(&place("rows", 1, 0)).unwrap(), &row);
        assert_eq!(inputs.at(&place("rows", 1, -1)).unwrap(), &Input::Gap);

        let denied = RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
        kafka.fail_topic("secret", denied).unwrap();
        let Input::Denied(why) = inputs.at(&place("secret", 0, 0)).unwrap().clone() else {
            panic!("it is denied");
        };
        assert!(why.starts_with("cannot read secret: "), "{why}");
        kafka
            .fail_topic("secret", RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR)
            .unwrap();
        assert_eq!(inputs.at(&place("secret", 1, 9)).unwrap(), &Input::Denied(why));
        // Other news in between.
        assert_eq!(inputs.at(&place("rows", 1, 0)).unwrap(), &row);
        assert_eq!(inputs.at(&place("secret", 1, 9)).unwrap(), &Input::End);

        // The topic of the settings has to be readable, and others have to answer.
        kafka.fail_topic("rows", denied).unwrap();
        let mut own = Inputs::new(&factory, Duration::from_secs(10)).unwrap();
        let failure = own.at(&place("rows", 1, 0)).unwrap_err();
        assert!(matches!(failure, Failure::Denied(_)), "{failure}");

        assert_eq!(inputs.at(&place("rows", 1, 0)).unwrap(), &row);
        drop(own);
        drop(producer);
        drop(kafka);
        assert_eq!(inputs.at(&place("rows", 1, 0)).unwrap(), &row);
    }
}
