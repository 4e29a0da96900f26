package opendata

import (
	"fmt"
	"reflect"
	"strconv"
	"time"

	"github.com/parquet-go/parquet-go"

	"spredning/ledger"
	"spredning/projections"
)

// parquetSheet writes rows in groups, so that only one group is held.
type parquetSheet struct {
	*output
	writer  *parquet.GenericWriter[any]
	columns []projections.Column
	rows    []parquet.Row
}

// How many rows are handed over at once, and how many make a row group.
const (
	parquetBatch = 256
	parquetGroup = 16 << 10
)

func newParquet(dir string, t projections.OpenTable, about [][2]string) (sheet, error) {
	o, err := create(dir, t.Name+".parquet")
	if err != nil {
		return nil, err
	}
	options := []parquet.WriterOption{
		parquetSchema(t), parquet.Compression(&parquet.Snappy), parquet.MaxRowsPerRowGroup(parquetGroup), parquet.CreatedBy("spredning", strconv.Itoa(Version), "0"),
	}
	for _, a := range about {
		options = append(options, parquet.KeyValueMetadata(a[0], a[1]))
	}
	return &parquetSheet{output: o, writer: parquet.NewGenericWriter[any](o, options...), columns: t.Columns}, nil
}

// parquetTypes give a column's Go type and what its tag says beside its name.
var parquetTypes = map[projections.ColumnType]struct {
	model reflect.Type
	tag   string
}{
	projections.TextColumn:    {reflect.TypeFor[string](), ""},
	projections.ListColumn:    {reflect.TypeFor[string](), ""},
	projections.IntegerColumn: {reflect.TypeFor[int64](), ""},
	projections.NumberColumn:  {reflect.TypeFor[float64](), ""},
	projections.PointsColumn:  {reflect.TypeFor[int64](), ",decimal(3:18)"},
	projections.BooleanColumn: {reflect.TypeFor[bool](), ""},
	projections.DateColumn:    {reflect.TypeFor[int32](), ",date"},
	projections.TimeColumn:    {reflect.TypeFor[int64](), ",timestamp(millisecond)"},
}

// parquetSchema is made of a struct, for a parquet.Group would sort the columns
// by name.
func parquetSchema(t projections.OpenTable) *parquet.Schema {
	fields := make([]reflect.StructField, len(t.Columns))
	for k, c := range t.Columns {
		typ := parquetTypes[c.Type]
		tag := c.Name + typ.tag
		if !c.Required {
			tag += ",optional"
		}
		fields[k] = reflect.StructField{Name: "C" + strconv.Itoa(k), Type: typ.model, Tag: reflect.StructTag(`parquet:"` + tag + `"`)}
	}
	return parquet.NewSchema(t.Name, parquet.SchemaOf(reflect.New(reflect.StructOf(fields)).Interface()))
}

func (s *parquetSheet) row(cells []any) error {
	row := make(parquet.Row, len(cells))
	for k, c := range cells {
		v, err := parquetValue(c)
		if err != nil {
			return fmt.Errorf("column %s: %w", s.columns[k].Name, err)
		}
		level := 0
		if !s.columns[k].Required && c != nil {
			level = 1
		}
		row[k] = v.Level(0, level, k)
	}
	if s.rows = append(s.rows, row); len(s.rows) < parquetBatch {
		return nil
	}
	return s.flush()
}

func (s *parquetSheet) flush() error {
	_, err := s.writer.WriteRows(s.rows)
	s.rows = s.rows[:0]
	return err
}

func parquetValue(c any) (parquet.Value, error) {
	switch c := c.(type) {
	case nil:
		return parquet.NullValue(), nil
	case string:
		return parquet.ByteArrayValue([]byte(c)), nil
	case int64:
		return parquet.Int64Value(c), nil
	case float64:
		return parquet.DoubleValue(c), nil
	case bool:
		return parquet.BooleanValue(c), nil
	case ledger.Milli:
		return parquet.Int64Value(int64(c)), nil
	case ledger.Date:
		t, err := time.Parse(time.DateOnly, string(c))
		return parquet.Int32Value(int32(t.Unix() / (24 * 60 * 60))), err
	case time.Time:
		return parquet.Int64Value(c.UnixMilli()), nil
	}
	return parquet.Value{}, fmt.Errorf("a cell of type %T cannot be written", c)
}

func (s *parquetSheet) finish() (Part, *Part, error) {
	if err := s.flush(); err != nil {
		return Part{}, nil, err
	}
	if err := s.writer.Close(); err != nil {
		return Part{}, nil, err
	}
	part, err := s.output.finish()
	return part, nil, err
}
